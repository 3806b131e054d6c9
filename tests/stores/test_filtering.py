"""Conditions answered by SQL mean exactly what `filters.matches` says, whatever the metadata hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helamem import filters
from helamem.filters import And, Comparison, Not, Or
from helamem.records import Episode
from helamem.stores.sqlite import SQLiteStore, filtering
from helamem.testing import samples

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.filters import Filter
    from helamem.records import Fact

# Few of each, so that conditions meet what they are about; among them what SQL or JSON treat apart.
KEYS = (
    "a",
    "b",
    "a.b",
    "",
    "0",
    "$",
    "[0]",
    'quo"te',
    "back\\slash",
    "é",
    "nul\0l",
    "\ud800",
    "#-1",
    "it's",
)
TEXTS = (
    "", "a", "A", "ab", "1", "1.0", "true", "null", "é", "E\u0301", "ß", "SS", "\u0131", "\u0130", "%", "_", "*", "'", '"',
    "a\0b", "\0", "\ud800", "\ud83e\udd5c", "\U0001f95c", "\u2028", "\x1f", "{}", "[1]",
)  # fmt: skip
NUMBERS = (
    0, -0.0, 1, 1.0, -1, 2**53, 2**53 + 1, float(2**53), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**400,
    0.1, 0.1 + 0.2, 1e308, -1e308, 5e-324, 1e22, 123456789012345680.0, float("inf"), float("-inf"),
)  # fmt: skip

keys = st.sampled_from(KEYS)
texts = st.sampled_from(TEXTS) | st.text(max_size=3)
integers = st.integers(-(2**70), 2**70)
numbers = st.sampled_from(NUMBERS) | integers | st.floats(allow_nan=False)
scalars = st.none() | st.booleans() | numbers | texts
finite = scalars.filter(lambda value: value not in (float("inf"), float("-inf")))
values = st.recursive(
    finite,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=5,
)
metadata = st.dictionaries(keys, values, max_size=4)

columns = st.sampled_from([(name,) for name in filters.COLUMNS])
fields = columns | st.lists(keys, min_size=1, max_size=2).map(lambda path: ("metadata", *path))


@st.composite
def comparisons(draw: st.DrawFn) -> Filter:
    field = draw(fields)
    op = draw(
        st.sampled_from(["eq", "in", "gt", "gte", "lt", "lte", "contains", "icontains", "exists"])
    )
    value: Any = draw(scalars if field[0] != "id" else scalars | st.integers(0, 8))
    if op == "in":
        value = tuple(filters._plain(each) for each in draw(st.lists(scalars, max_size=3)))
    elif op == "icontains":
        value = draw(texts)
    elif op == "exists":
        value = None
    else:
        value = filters._plain(value)
    return Comparison(field, op, value)  # type: ignore[arg-type]


conditions: st.SearchStrategy[Filter] = st.recursive(
    comparisons(),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: And(tuple(parts)))
        | st.lists(inner, max_size=3).map(lambda parts: Or(tuple(parts)))
        | inner.map(Not)
    ),
    max_leaves=6,
)


def filterable(memory: Episode | Fact) -> dict[str, Any]:
    """A memory as `filters.matches` takes it; a fact has no role and no session."""
    row: dict[str, Any] = {
        "id": memory.id,
        "kind": "episode" if isinstance(memory, Episode) else "fact",
        "text": memory.text,
        "speaker": memory.speaker,
        "at": memory.at.timestamp(),
        "stored_at": memory.stored_at.timestamp(),
        "metadata": memory.metadata,
    }
    if isinstance(memory, Episode):
        row |= {"role": memory.role, "session": memory.session}
    return row


@pytest.fixture(scope="module")
def rows(store: SQLiteStore) -> list[dict[str, Any]]:
    return [
        filterable(memory) for memory in store.get(store.ids(kinds=["episode", "fact"]).tolist())
    ]


@pytest.fixture(scope="module")
def store() -> Iterator[SQLiteStore]:
    store = SQLiteStore(":memory:", namespace="main", made_by=samples.ANALYSIS)
    generator = np.random.default_rng(10)
    plain = [text for text in TEXTS if "\ud800" not in text and "\ud83e" not in text]
    chosen: list[Any] = [*TEXTS, *(n for n in NUMBERS if abs(n) != float("inf")), None, True, False]
    for i in range(150):
        drawn = {
            KEYS[k]: _value(chosen, generator, depth=2)
            for k in generator.choice(len(KEYS), size=int(generator.integers(5)), replace=False)
        }
        samples.add(
            store,
            f"turn {i}",
            speaker=plain[i % len(plain)],
            role=plain[i % 7],
            session=plain[i % 5],
            at=float(i),
            metadata=drawn,
        )
    for i in range(10):
        samples.add_fact(store, f"fact {i}", i + 1, speaker=plain[i], metadata={"a": chosen[i]})
    yield store
    store.close()


def _value(chosen: list[Any], generator: np.random.Generator, depth: int) -> Any:
    scalar = chosen[int(generator.integers(len(chosen)))]
    shape = generator.integers(4) if depth else 0
    if shape == 1:
        return [_value(chosen, generator, depth - 1) for _ in range(3)]
    if shape == 2:
        return {
            KEYS[int(k)]: _value(chosen, generator, depth - 1)
            for k in generator.choice(len(KEYS), 2)
        }
    return scalar


class TestAgreement:
    @given(where=conditions)
    def test_of_many_memories_the_same_are_found(
        self, store: SQLiteStore, rows: list[dict[str, Any]], where: Filter
    ) -> None:
        expected = [row["id"] for row in rows if filters.matches(where, row)]

        assert expected == store.ids(kinds=["episode", "fact"], where=where).tolist()

    @settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(held=metadata, where=conditions, data=st.data())
    def test_whatever_the_metadata_hold(
        self, own: SQLiteStore, held: dict[str, Any], where: Filter, data: st.DataObject
    ) -> None:
        own.update(1, samples.episode("one", metadata=held), at=1.0)
        [memory] = own.get([1])
        found = samples_of(held)
        if found:  # ask for what is there, and for what is nearly there
            field, value = data.draw(st.sampled_from(found))
            op = data.draw(st.sampled_from(["eq", "lte", "gt", "contains"]))
            nearly = Comparison(field, op, filters._plain(value))  # type: ignore[arg-type]
            where = Or((where, nearly))

        assert filters.matches(where, filterable(memory)) == (
            1 in own.ids(kinds=["episode"], where=where)
        )

    def test_most_conditions_are_answered_by_sql(self) -> None:
        for spelled in (
            {"speaker": "Ana"},
            {"topic": ["food", "music"], "n": {"gte": 2}},
            {"place.city": {"icontains": "köln"}},
            {"NOT": {"tags": {"contains": "red"}}},
            {"at": {"lt": "2024-01-01T00:00:00Z"}},
        ):
            where = filters.parse(spelled)
            assert where is not None
            assert filtering.expressible(where)


class TestSize:
    @pytest.mark.parametrize("n", [999, 50_000])
    @pytest.mark.parametrize("field", ["id", "speaker", "n", "a.b", "at"])
    def test_a_long_list_of_values_is_answered(self, own: SQLiteStore, field: str, n: int) -> None:
        listed: list[Any] = [f"{i}" for i in range(n)] if field == "speaker" else list(range(n))
        if field == "at":
            listed = ["2024-01-01T00:00:00Z"] * min(n, 999)
        where = filters.parse({field: {"nin": listed}})
        assert where is not None
        [memory] = own.get([1])

        found = own.ids(kinds=["episode"], where=where).tolist()

        assert found == ([1] if filters.matches(where, filterable(memory)) else [])

    def test_a_thousand_conditions_are_answered(self, own: SQLiteStore) -> None:
        where = filters.parse({"OR": [{"id": i} for i in range(990)]})

        assert [1] == own.ids(kinds=["episode"], where=where).tolist()

    @pytest.mark.parametrize("n", range(1, 48))
    def test_deep_ones_are_answered(self, own: SQLiteStore, n: int) -> None:
        conditions: dict[str, Any] = {"id": 1}
        for i in range(n):
            conditions = {["NOT", "AND", "OR"][i % 3]: [conditions, {"id": 2}]}
        where = filters.parse(conditions)
        assert where is not None
        [memory] = own.get([1])

        found = own.ids(kinds=["episode"], where=where).tolist()

        assert found == ([1] if filters.matches(where, filterable(memory)) else [])


@pytest.fixture
def own() -> Iterator[SQLiteStore]:
    store = SQLiteStore(":memory:", namespace="main", made_by=samples.ANALYSIS)
    samples.add(store, "one")
    yield store
    store.close()


def samples_of(
    held: dict[str, Any], path: tuple[str, ...] = ("metadata",)
) -> list[tuple[tuple[str, ...], Any]]:
    """Every scalar in the metadata, with the field that leads to it."""
    found = []
    for key, value in held.items():
        if isinstance(value, dict):
            found += samples_of(value, (*path, key))
        elif isinstance(value, list):
            found += [((*path, key), each) for each in value if not isinstance(each, list | dict)]
        else:
            found.append(((*path, key), value))
    return found
