"""Conditions: what users may write, what it means, and what is refused with which advice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem import filters
from helamem.filters import And, Comparison, Not, Or, matches, parse

ROW: dict[str, Any] = {
    "id": 7,
    "kind": "episode",
    "text": "I booked the ferry with Clara.",
    "speaker": "Ana",
    "role": "user",
    "session": "s1",
    "at": 1_715_000_000.0,
    "stored_at": 1_716_000_000.0,
    "metadata": {
        "topic": "Food",
        "n": 3,
        "share": 0.5,
        "done": True,
        "nothing": None,
        "tags": ["red", 1, None],
        "place": {"city": "Köln", "0": "zero"},
    },
}


def holds(conditions: dict[str, Any], row: dict[str, Any] = ROW) -> bool:
    tree = parse(conditions)
    assert tree is not None
    return matches(tree, row)


class TestParse:
    def test_no_condition_is_no_filter(self) -> None:
        assert (None, None) == (parse(None), parse({}))

    def test_a_value_must_be_equal(self) -> None:
        assert Comparison(("speaker",), "eq", "Ana") == parse({"speaker": "Ana"})

    def test_a_list_holds_the_values_allowed(self) -> None:
        expected = Comparison(("metadata", "n"), "in", (1, "a", None))
        assert expected == parse({"n": [1, "a", None]}) == parse({"n": {"in": (1, "a", None)}})

    def test_a_star_asks_that_the_field_is_there(self) -> None:
        there = Comparison(("metadata", "n"), "exists")
        assert there == parse({"n": "*"}) == parse({"n": {"exists": True}})
        assert Not(there) == parse({"n": {"exists": False}})

    def test_all_keys_must_hold(self) -> None:
        expected = And((Comparison(("speaker",), "eq", "Ana"), Comparison(("role",), "eq", "user")))
        assert expected == parse({"speaker": "Ana", "role": "user"})

    def test_all_operators_of_a_field_must_hold(self) -> None:
        field = ("metadata", "n")
        expected = And((Comparison(field, "gte", 1), Comparison(field, "lt", 5)))
        assert expected == parse({"n": {"gte": 1, "$lt": 5}})

    def test_negations_are_the_opposite(self) -> None:
        field = ("metadata", "n")
        assert Not(Comparison(field, "eq", 1)) == parse({"n": {"ne": 1}})
        assert Not(Comparison(field, "in", (1, 2))) == parse({"n": {"nin": [1, 2]}})
        assert Not(Comparison(field, "gt", 1)) == parse({"n": {"not": {"gt": 1}}})

    @pytest.mark.parametrize("spelled", ["OR", "$or", "$OR"])
    def test_junctions_take_a_list(self, spelled: str) -> None:
        one, two = Comparison(("metadata", "a"), "eq", 1), Comparison(("metadata", "b"), "eq", 2)
        assert Or((one, two)) == parse({spelled: [{"a": 1}, {"b": 2}]})

    def test_not_means_none_of_them(self) -> None:
        one, two = Comparison(("metadata", "a"), "eq", 1), Comparison(("metadata", "b"), "eq", 2)
        assert Not(Or((one, two))) == parse({"NOT": [{"a": 1}, {"b": 2}]})
        assert Not(Or((one,))) == parse({"$not": {"a": 1}})

    def test_dots_lead_into_objects(self) -> None:
        expected = Comparison(("metadata", "place", "city"), "eq", "Rome")
        assert expected == parse({"place.city": "Rome"}) == parse({"metadata.place.city": "Rome"})

    def test_times_become_epoch_seconds(self) -> None:
        moment = datetime(2024, 5, 6, 12, 53, 20, tzinfo=UTC)
        local = moment.astimezone(timezone(timedelta(hours=2)))
        expected = Comparison(("at",), "gte", 1_715_000_000.0)
        for spelled in (moment, local, "2024-05-06T12:53:20Z", "2024-05-06T14:53:20+02:00"):
            assert (
                expected
                == parse({"at": {"gte": spelled}})
                == parse({"timestamp": {"gte": spelled}})
            )

    def test_what_other_memories_call_it_is_understood(self) -> None:
        assert parse({"stored_at": "*"}) == parse({"created_at": "*"})

    @pytest.mark.parametrize(
        ("conditions", "advice"),
        [
            ("speaker", "a filter must be a mapping, not str"),
            ({1: 2}, "the key of a filter must be a string, not int"),
            ({"n": {"like": 1}}, "unknown operator 'like' on metadata.n; known are eq, ne"),
            ({"place": {"city": "Rome"}}, "a field of an object is spelled metadata.place.city"),
            ({"n": {}}, "names no operator"),
            ({"$xor": []}, "unknown operator '$xor'"),
            ({"user_id": "ana"}, "it is the namespace, as in Memory(namespace=...)"),
            ({"run_id": "r"}, "it is the field 'session'"),
            ({"OR": 3}, "OR takes a list of filters, not int"),
            ({"OR": ["a"]}, "a filter must be a mapping, not str"),
            ({"n": {"in": 3}}, "in takes a list, not int"),
            ({"n": {"in": "abc"}}, "in takes a list, not str"),
            ({"n": {"exists": "yes"}}, "exists takes true or false, not str"),
            ({"n": {"icontains": 3}}, "icontains takes a string, not int"),
            ({"n": object()}, "the filter on metadata.n compares with a object"),
            ({"n": [[1]]}, "the filter on metadata.n compares with a list"),
            ({"n": float("nan")}, "compares with NaN, which equals nothing"),
            (
                {"kind": "invoice"},
                "kind is 'episode' or 'fact', not 'invoice'; a key of the metadata is spelled metadata.kind",
            ),
            ({"kind": ["fact", None]}, "not None; a key of the metadata is spelled metadata.kind"),
            (
                {"id": "A7"},
                "id is compared with a number, not str; a key of the metadata is spelled metadata.id",
            ),
            ({"id": {"in": [1, True]}}, "id is compared with a number, not bool"),
            (
                {"timestamp": 1.7e9},
                "a key of the metadata is spelled metadata.at or metadata.timestamp",
            ),
            ({"at": {"gt": 3}}, "at is compared with a datetime or an ISO string, not int"),
            ({"at": {"gt": "May"}}, "'May' is not a time; write it like 2024-05-08T13:56:00Z"),
            ({"at": {"gt": "2024-05-08"}}, "has no time zone"),
            ({"at": {"gt": datetime(2024, 5, 8)}}, "has no time zone"),  # noqa: DTZ001
        ],
    )
    def test_what_cannot_be_meant_is_refused_with_advice(
        self, conditions: Any, advice: str
    ) -> None:
        with pytest.raises((TypeError, ValueError)) as raised:
            parse(conditions)

        assert advice in str(raised.value)


class TestSize:
    def nested(self, n: int) -> dict[str, Any]:
        conditions: dict[str, Any] = {"n": 3}
        for i in range(n):
            conditions = {"NOT": [conditions]} if i % 2 else {"AND": [conditions]}
        return conditions

    def test_what_is_nested_fairly_deep_is_read(self) -> None:
        assert holds(self.nested(40))

    @pytest.mark.parametrize("n", [60, 300, 100_000])
    def test_what_is_nested_deeper_is_refused(self, n: int) -> None:
        with pytest.raises(ValueError, match="a filter may be nested at most 50 deep"):
            parse(self.nested(n))

    def test_a_filter_inside_itself_is_refused(self) -> None:
        conditions: dict[str, Any] = {"n": 3}
        conditions["AND"] = [conditions]

        with pytest.raises(ValueError, match="a filter "):
            parse(conditions)

    def test_too_many_conditions_are_refused_with_advice(self) -> None:
        with pytest.raises(ValueError, match=r'at most 1,000 conditions.*"in": \[...\]'):
            parse({"OR": [{"n": i} for i in range(40_000)]})

    def test_the_values_of_one_field_are_as_many_as_one_likes(self) -> None:
        assert holds({"n": {"in": list(range(100_000))}})


class TestKeys:
    METADATA: ClassVar[dict[str, Any]] = {
        "kind": "invoice", "id": "A7", "role": "billing", "session": "x", "timestamp": 1.7e9,
        "user.email": "a@b", 'quo"te': 1, "a": {"b": "path", "c": 1}, "a.b": "literal",
    }  # fmt: skip

    @pytest.mark.parametrize(
        "conditions",
        [
            {"metadata.kind": "invoice"},
            {"metadata.id": "A7"},
            {"metadata.role": "billing", "metadata.session": "x"},
            {"metadata.timestamp": 1.7e9},
            {"user.email": "a@b"},
            {"metadata.user.email": "a@b"},
            {'quo"te': 1},
            {"a.b": "literal"},
            {"a.c": 1},
        ],
        ids=str,
    )
    def test_every_key_can_be_named(self, conditions: dict[str, Any]) -> None:
        assert holds(conditions, {**ROW, "metadata": self.METADATA})

    def test_the_key_as_it_stands_comes_before_the_path(self) -> None:
        assert not holds({"a.b": "path"}, {**ROW, "metadata": self.METADATA})


class TestMatches:
    @pytest.mark.parametrize(
        "conditions",
        [
            {"speaker": "Ana"},
            {"id": {"gte": 7, "lte": 7}},
            {"kind": ["fact", "episode"]},
            {"session": {"contains": "1"}},
            {"text": {"icontains": "clara"}},
            {"text": {"contains": "ferry"}, "metadata.text": {"exists": False}},
            {"at": {"gt": "2024-01-01T00:00:00Z"}},
            {"topic": "Food"},
            {"topic": {"icontains": "FOO"}},
            {"topic": {"gt": "Fish"}},
            {"n": 3.0},
            {"n": {"gt": 2, "lt": 3.5}},
            {"share": {"lte": 0.5}},
            {"done": True},
            {"nothing": None},
            {"nothing": "*"},
            {"tags": {"contains": "red"}},
            {"tags": {"contains": 1}},
            {"tags": {"contains": None}},
            {"tags": {"icontains": "RED"}},
            {"place.city": {"icontains": "KÖ"}},
            {"place.0": "zero"},
            {"missing": {"ne": 1}},
            {"missing": {"nin": [1]}},
            {"missing": {"exists": False}},
            {"NOT": {"missing": 1}},
            {"AND": []},
            {"NOT": []},
        ],
        ids=str,
    )
    def test_meets(self, conditions: dict[str, Any]) -> None:
        tree = parse(conditions)
        assert tree is None or matches(tree, ROW)

    @pytest.mark.parametrize(
        "conditions",
        [
            {"speaker": "ana"},
            {"topic": {"contains": "foo"}},
            {"n": "3"},
            {"n": True},
            {"n": {"gt": "2"}},
            {"done": 1},
            {"done": {"gt": 0}},
            {"nothing": 0},
            {"nothing": {"lte": 0}},
            {"tags": "red"},
            {"tags": {"contains": True}},
            {"tags": {"gt": ""}},
            {"place": {"contains": "city"}},
            {"place.city.part": "*"},
            {"tags.0": "*"},
            {"missing": None},
            {"missing": "*"},
            {"missing": {"lt": 9}},
            {"missing": {"in": [None]}},
            {"n": []},
            {"OR": []},
            {"NOT": [{"n": 3}, {"n": 4}]},
        ],
        ids=str,
    )
    def test_does_not_meet(self, conditions: dict[str, Any]) -> None:
        assert not holds(conditions)

    def test_a_fact_has_neither_role_nor_session(self) -> None:
        fact = {name: value for name, value in ROW.items() if name not in ("role", "session")}

        assert not holds({"session": "*"}, fact)
        assert holds({"role": {"ne": "user"}}, fact)

    def test_sharp_s_is_two_letters_in_any_case(self) -> None:
        row = {"metadata": {"street": "Hauptstraße"}}

        assert holds({"street": {"icontains": "STRASSE"}}, row)

    def test_numbers_beyond_a_database_are_compared_as_it_holds_them(self) -> None:
        row = {"metadata": {"n": 2**64 + 1}}

        assert holds({"n": 2**64}, row)
        assert holds({"n": {"lt": 10**400}}, row)
        assert holds({"n": {"gt": -(10**400)}}, row)
        assert not holds({"n": 2**65}, row)

    def test_numbers_within_64_bits_are_exact(self) -> None:
        row = {"metadata": {"n": 2**62 + 1}}

        assert not holds({"n": 2**62}, row)
        assert holds({"n": {"gt": 2**62}}, row)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(-3, 3), st.text("aA1", max_size=2)
)


class TestLaws:
    @given(scalars, scalars)
    def test_equal_or_not_but_never_both(self, actual: Any, wanted: Any) -> None:
        row = {"metadata": {"x": actual}}

        assert holds({"x": wanted}, row) != holds({"x": {"ne": wanted}}, row)
        assert holds({"x": wanted}, row) == holds({"x": [wanted]}, row)

    @given(scalars, scalars)
    def test_of_comparable_values_exactly_one_order_holds(self, actual: Any, wanted: Any) -> None:
        row = {"metadata": {"x": actual}}
        less, equal, more = (holds({"x": {op: wanted}}, row) for op in ("lt", "eq", "gt"))
        at_most, at_least = (holds({"x": {op: wanted}}, row) for op in ("lte", "gte"))

        assert less + equal + more <= 1
        if type(actual) is type(wanted) is str or (number(actual) and number(wanted)):
            assert (1, less or equal, more or equal) == (less + equal + more, at_most, at_least)
        else:
            assert (False, False) == (at_most, at_least)

    @given(st.lists(scalars, max_size=3), st.lists(scalars, max_size=3), scalars)
    def test_not_both_is_one_of_them_not(self, one: list[Any], two: list[Any], actual: Any) -> None:
        row = {"metadata": {"x": actual}}
        a, b = {"x": {"in": one}}, {"x": {"in": two}}

        assert holds({"NOT": [a, b]}, row) == holds({"AND": [{"NOT": a}, {"NOT": b}]}, row)
        assert holds({"OR": [a, b]}, row) == holds({"x": {"in": one + two}}, row)


def number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def test_every_operator_is_documented_in_the_message() -> None:
    with pytest.raises(ValueError, match="known are") as raised:
        parse({"x": {"?": 1}})

    for op in filters.OPERATORS:
        assert op in str(raised.value)
