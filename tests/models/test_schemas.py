from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.models import schemas

if TYPE_CHECKING:
    from helamem.records import Json

PERSON: dict[str, Json] = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": ["integer", "null"], "minimum": 0, "maximum": 150},
        "kind": {"type": "string", "enum": ["friend", "stranger"]},
        "friends": {"type": "array", "items": {"type": "integer"}},
    },
    "required": ["name"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    "value",
    [
        {"name": "Ana"},
        {"name": "Ana", "age": None},
        {"name": "Ana", "age": 30, "kind": "friend", "friends": [1, 2]},
        {"name": "Ana", "age": 30.0},
    ],
)
def test_fitting_values_pass(value: Json) -> None:
    assert schemas.misfit(value, PERSON) is None


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ([], "it is [], but must be of type object"),
        ({}, "it has no name"),
        ({"name": 3}, "it.name is 3, but must be of type string"),
        ({"name": "Ana", "age": "30"}, 'it.age is "30", but must be of type integer or null'),
        ({"name": "Ana", "age": True}, "it.age is true, but must be of type integer or null"),
        ({"name": "Ana", "age": 1.5}, "it.age is 1.5, but must be of type integer or null"),
        ({"name": "Ana", "age": -1}, "it.age is -1, but must be at least 0"),
        ({"name": "Ana", "age": 151}, "it.age is 151, but must be at most 150"),
        (
            {"name": "Ana", "kind": "foe"},
            'it.kind is "foe", but must be one of ["friend", "stranger"]',
        ),
        (
            {"name": "Ana", "friends": [1, "2"]},
            'it.friends[1] is "2", but must be of type integer',
        ),
        ({"name": "Ana", "key": 1}, 'it has "key", which was not asked for'),
    ],
)
def test_misfits_are_told_with_their_place(value: Json, sentence: str) -> None:
    assert sentence == schemas.misfit(value, PERSON, "it")


def test_items_may_be_left_to_whoever_reads_the_list() -> None:
    value: Json = {"name": "Ana", "friends": [1, "2", None, 3]}

    assert schemas.misfit(value, PERSON, with_items=False) is None
    assert schemas.misfit({"name": "Ana", "friends": 1}, PERSON, with_items=False) is not None
    assert ([1, 3], ["2", None]) == schemas.fitting_items(value, PERSON, "friends")


@pytest.mark.parametrize("value", [None, [], {}, {"friends": None}, {"friends": "12"}])
def test_where_there_is_no_list_there_are_no_items(value: Json) -> None:
    assert ([], []) == schemas.fitting_items(value, PERSON, "friends")


def test_long_values_are_shortened() -> None:
    told = schemas.misfit({"name": ["x" * 1000]}, PERSON)

    assert told is not None
    assert len(told) < 150


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": 1}', {"a": 1}),
        (' \n{"a": {"b": "}"}}\n', {"a": {"b": "}"}}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('Sure, here it is: {"a": 1}. Anything else?', {"a": 1}),
        ("[1, 2]", [1, 2]),
        ("3", 3),
    ],
)
def test_json_is_found_in_an_answer(text: str, value: Json) -> None:
    assert value == schemas.parse(text)


@pytest.mark.parametrize("text", ["", "no", '{"a": 1', '{"a": NaN}', '{"a": 1} {"b": 2}', "}{"])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"JSON|Expecting|Extra data"):
        schemas.parse(text)


@given(st.text())
def test_parsing_never_fails_otherwise(text: str) -> None:
    try:
        schemas.parse(text)
    except ValueError:
        return
