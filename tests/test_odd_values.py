"""Whatever is handed in, an error is one of ours, or a TypeError or ValueError that says what to do."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from helamem import Chat, Memory, Turn
from helamem.errors import HelaMemError, NotFoundError
from helamem.models.embedders import HashingEmbedder
from helamem.records import Episode

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from helamem.protocols import Request

pytestmark = pytest.mark.slow

EAST = timezone(timedelta(hours=14))
WEST = timezone(timedelta(hours=-12))


def nested(n: int, *, as_list: bool = False) -> Any:
    value: Any = 1
    for _ in range(n):
        value = [value] if as_list else {"a": value}
    return value


def episode(memory: Memory) -> Episode:
    found = memory.get(1)
    assert isinstance(found, Episode)
    return found


class Odd:
    """An object that nobody expects."""

    def __repr__(self) -> str:
        return "Odd()"


ODD: Mapping[str, Any] = {
    "none": None, "true": True, "false": False, "zero": 0, "negative": -1, "1.9": 1.9, "2**31": 2**31, "2**63": 2**63,
    "-2**63-1": -(2**63) - 1, "10**400": 10**400, "infinity": float("inf"), "nan": float("nan"), "1e308": 1e308,
    "empty": "", "blank": " \n\t", "text": "1", "many digits": "9" * 5000, "nul": "a\0b", "lone surrogate": "\ud83d",
    "unseen": "\u200b", "wide": "\U0001f95c" * 50, "long": "word " * 20_000, "no space": "x" * 50_000,
    "bytes": b"1", "bytearray": bytearray(b"1"),
    "list": [1, 2], "empty list": [], "nested list": [[1]], "list of none": [None], "set": {1}, "range": range(3),
    "dict": {"a": 1}, "empty dict": {}, "numbers as keys": {1: 2}, "deep keys": {"a": {1: 2}}, "deep": nested(990),
    "very deep": nested(20_000), "deep list": nested(20_000, as_list=True), "nan inside": {"a": float("nan")},
    "surrogates inside": {"\ud83d": "\ud83d"}, "set inside": {"a": {1}}, "digits inside": {"a": 10**5000},
    "object": Odd(), "class": Odd, "function": len, "complex": 1j, "decimal nan": Decimal("NaN"), "ellipsis": ...,
    "naive": datetime(2024, 5, 6), "first year": datetime(1, 1, 1, tzinfo=EAST),  # noqa: DTZ001
    "last year": datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=WEST), "very last": datetime.max.replace(tzinfo=UTC),
    "very first": datetime.min.replace(tzinfo=UTC), "date": datetime(2024, 5, 6, tzinfo=UTC).date(), "delta": timedelta(1),
}  # fmt: skip

CALLS: Mapping[str, Callable[[Memory, Any], object]] = {
    "add": lambda m, odd: m.add(odd),
    "add in a list": lambda m, odd: m.add([odd]),
    "add as text": lambda m, odd: m.add({"text": odd}),
    "add as content": lambda m, odd: m.add({"role": "user", "content": odd}),
    "add content parts": lambda m, odd: m.add({"role": "user", "content": [odd]}),
    "add tool calls": lambda m, odd: m.add({"role": "assistant", "content": "", "tool_calls": odd}),
    "add name": lambda m, odd: m.add({"role": "user", "content": "Hello.", "name": odd}),
    "add role in message": lambda m, odd: m.add({"role": odd, "content": "Hello."}),
    "add time in message": lambda m, odd: m.add({"text": "Hello.", "at": odd}),
    "add metadata in message": lambda m, odd: m.add({"text": "Hello.", "metadata": odd}),
    "add unknown key": lambda m, odd: m.add({"text": "Hello.", "zzz": odd}),
    "add speaker": lambda m, odd: m.add("Hello.", speaker=odd),
    "add role": lambda m, odd: m.add("Hello.", role=odd),
    "add at": lambda m, odd: m.add("Hello.", at=odd),
    "add session": lambda m, odd: m.add("Hello.", session=odd),
    "add metadata": lambda m, odd: m.add("Hello.", metadata=odd),
    "add metadata value": lambda m, odd: m.add("Hello.", metadata={"a": odd}),
    "add_many": lambda m, odd: m.add_many(odd),
    "add_many of": lambda m, odd: m.add_many([odd]),
    "add_many batch": lambda m, odd: m.add_many(["Hello."], batch_size=odd),
    "search": lambda m, odd: m.search(odd),
    "search k": lambda m, odd: m.search("ferry", k=odd),
    "search at": lambda m, odd: m.search("ferry yesterday", at=odd),
    "search filters": lambda m, odd: m.search("ferry", filters=odd),
    "search a column": lambda m, odd: m.search("ferry", filters={"speaker": odd}),
    "search an id": lambda m, odd: m.search("ferry", filters={"id": odd}),
    "search a time": lambda m, odd: m.search("ferry", filters={"at": {"gte": odd}}),
    "search a key": lambda m, odd: m.search("ferry", filters={"topic": odd}),
    "search an operator": lambda m, odd: m.search("ferry", filters={"topic": {"in": odd}}),
    "search a junction": lambda m, odd: m.search("ferry", filters={"OR": odd}),
    "context": lambda m, odd: m.search("ferry").context(odd),
    "reinforce": lambda m, odd: m.reinforce(odd, used=[1]),
    "reinforce used": lambda m, odd: m.reinforce(m.search("ferry"), used=odd),
    "reinforce used of": lambda m, odd: m.reinforce(m.search("ferry"), used=[odd]),
    "reinforce unhelpful": lambda m, odd: m.reinforce(m.search("ferry"), used=[1], unhelpful=odd),
    "reinforce certainty": lambda m, odd: m.reinforce(m.search("x"), used=[1], certainty=odd),
    "reinforce at": lambda m, odd: m.reinforce(m.search("ferry"), used=[1], at=odd),
    "consolidate at": lambda m, odd: m.consolidate(at=odd),
    "forget at": lambda m, odd: m.forget(at=odd),
    "get": lambda m, odd: m.get(odd),
    "list limit": lambda m, odd: m.list(limit=odd),
    "list offset": lambda m, odd: m.list(offset=odd),
    "list filters": lambda m, odd: m.list(filters=odd),
    "update": lambda m, odd: m.update(odd, "Other."),
    "update text": lambda m, odd: m.update(1, odd),
    "update metadata": lambda m, odd: m.update(1, metadata=odd),
    "correct": lambda m, odd: m.correct(odd, "Other."),
    "correct text": lambda m, odd: m.correct(1, odd),
    "add supersedes": lambda m, odd: m.add("Something newer.", supersedes=odd),
    "revert": lambda m, odd: m.revert(odd),
    "undo": lambda m, odd: m.undo(odd),
    "sever": lambda m, odd: m.sever(odd, 2),
    "sever from": lambda m, odd: m.sever(1, odd),
    "lessons": lambda m, odd: m.lessons(limit=odd),
    "ignored": lambda m, odd: m.ignored(at_least=odd),
    "forget ignored": lambda m, odd: m.forget(ignored=odd),
    "delete": lambda m, odd: m.delete(odd),
    "delete by filters": lambda m, odd: m.delete(filters=odd),
    "delete by a field": lambda m, odd: m.delete(filters={"topic": odd}),
    "delete dry_run": lambda m, odd: m.delete(1, dry_run=odd or True),
    "erase": lambda m, odd: m.erase(odd),
    "erase with mentions": lambda m, odd: m.erase(odd, mentions=True),
    "drop_namespace": lambda m, odd: m.drop_namespace(odd),
    "put": lambda m, odd: m.put(odd, Turn("Hello.")),
    "put a turn": lambda m, odd: m.put("key", odd),
    "annotate": lambda m, odd: m.annotate(odd, {}),
    "annotate metadata": lambda m, odd: m.annotate(episode(m), odd),
    "get_by_key": lambda m, odd: m.get_by_key(odd),
    "forget max_share": lambda m, odd: m.forget(max_share=odd),
    "history": lambda m, odd: m.history(odd),
    "facts as_of": lambda m, odd: m.facts(as_of=odd),
    "profile": lambda m, odd: m.profile(odd),
    "profile max_chars": lambda m, odd: m.profile("Ana", max_chars=odd),
    "import_": lambda m, odd: m.import_(odd),
    "import_ of": lambda m, odd: m.import_([odd]),
    "reflect_every": lambda m, odd: setattr(m, "reflect_every", odd),
    "namespace": lambda _, odd: Memory(":memory:", namespace=odd),
    "clock": lambda _, odd: Memory(":memory:", clock=lambda: odd),
    "embedder": lambda _, odd: Memory(":memory:", embedder=odd),
    "reranker": lambda _, odd: Memory(":memory:", reranker=odd),
    "config": lambda _, odd: Memory(":memory:", config=odd),
    "llm": lambda _, odd: Memory(":memory:", llm=odd),
    "set llm": lambda m, odd: setattr(m, "llm", odd),
    "ask llm": lambda m, odd: m.ask("What did I book?", llm=odd),
    "consolidate llm": lambda m, odd: m.consolidate(llm=odd),
    "reindex embedder": lambda m, odd: m.reindex(embedder=odd),
    "chat llm": Chat,
}  # fmt: skip


@pytest.mark.parametrize(
    ("wrong", "advice"),
    [
        ({"embedder": "minilm"}, r'not str; name one by config=Config.of\(embedder="minilm"\)'),
        ({"llm": "gpt-4o-mini"}, "not str; give one like OpenAIChat"),
        ({"config": {"learning.rate": 0.1}}, "a Config, not dict; make one like Config.of"),
    ],
)
def test_a_name_in_place_of_a_part_is_told_what_to_give(wrong: dict[str, Any], advice: str) -> None:
    with pytest.raises(TypeError, match=advice):
        Memory(":memory:", **wrong)


class Own:
    """A clock, an embedder, a reranker and a language model of somebody's own, which give something odd."""

    name, dimension, max_chars = "own", 8, None

    def __init__(self, odd: object) -> None:
        self.odd = odd

    def __call__(self) -> Any:
        return self.odd

    def embed(self, texts: Sequence[str]) -> Any:
        return self.odd

    def scores(self, question: str, texts: Sequence[str]) -> Any:
        return self.odd

    def complete(self, request: Request) -> Any:
        return self.odd


def at_a_later_time(odd: object) -> None:
    times = iter([1.7e9, 1.7e9])
    memory = Memory(":memory:", embedder=HashingEmbedder(8), clock=lambda: next(times, odd))  # type: ignore[arg-type, return-value]
    memory.add("Hello there.")


def heard(**parts: Any) -> Memory:
    memory = Memory(":memory:", **{"embedder": HashingEmbedder(8), **parts})
    memory.add(["I booked the ferry.", "Maya is allergic to peanuts."], speaker="Ana")
    return memory


PARTS: Mapping[str, Callable[[Any], object]] = {
    "clock": at_a_later_time,
    "embedder": lambda odd: heard(embedder=Own(odd)),
    "reranker": lambda odd: heard(reranker=Own(odd)).search("What did I book?"),
    "answering": lambda odd: heard(llm=Own(odd)).ask("What did I book?", min_confidence=0),
    "consolidating": lambda odd: heard().consolidate(llm=Own(odd)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", PARTS.values(), ids=PARTS)
def test_what_a_part_of_ones_own_gives_is_taken_or_refused_in_words(
    call: Callable[[Any], object],
) -> None:
    assert [] == [wrong for name, odd in ODD.items() if (wrong := fault(name, call, odd))]


def fault(name: str, call: Callable[[Any], object], odd: object) -> str:
    """What is wrong with how a call refuses an odd value; empty if nothing is."""
    try:
        call(odd)
    except (HelaMemError, TypeError, ValueError) as exc:
        said = str(exc)
        sound = said and len(said) <= 2000 and not isinstance(exc, UnicodeError)
        return "" if sound else f"{name}: {exc!r:.200}"
    except Exception as exc:  # noqa: BLE001  # which is what this looks for
        return f"{name}: {exc!r:.200}"
    return ""


@pytest.fixture
def kept(memory: Memory) -> Memory:
    memory.add(["I booked the ferry.", "Maya is allergic to peanuts."], speaker="Ana")
    return memory


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_odd_value_is_taken_or_refused_in_words(
    kept: Memory, call: Callable[[Memory, Any], object]
) -> None:
    wrong = []
    for name, odd in ODD.items():
        try:
            call(kept, odd)
        except (HelaMemError, TypeError, ValueError) as exc:
            if isinstance(exc, UnicodeError) or not str(exc) or len(str(exc)) > 2000:
                wrong.append((name, repr(exc)[:200]))
        except Exception as exc:  # noqa: BLE001  # which is what this looks for
            wrong.append((name, repr(exc)[:200]))
        else:
            usable(kept)

    assert [] == wrong
    usable(kept)


def usable(memory: Memory) -> None:
    """Whatever was taken can be read again."""
    memory.search("ferry")
    assert memory.stats().path
    assert not memory.check()
    list(memory.export())


@pytest.mark.parametrize("odd", [True, 1.0, 1.9, "1", b"1", None, [1], float("nan")], ids=repr)
def test_what_is_no_id_is_no_id(kept: Memory, odd: Any) -> None:
    for call in (
        kept.get,
        kept.delete,
        kept.history,
        lambda id_: kept.update(id_, "Other."),
        lambda id_: kept.reinforce(kept.search("ferry"), used=[id_]),
    ):
        with pytest.raises(TypeError, match=r"an id .* whole number"):
            call(odd)

    assert "I booked the ferry." == kept.get(1).text


@pytest.mark.parametrize("id_", [-1, 0, 99, 2**63, 10**30, -(10**30), sys.maxsize])
def test_an_id_that_nobody_has_is_not_found(kept: Memory, id_: int) -> None:
    for call in (kept.get, kept.delete, kept.history):
        with pytest.raises(NotFoundError):
            call(id_)


@pytest.mark.parametrize("used", ["12", b"12", {1: 2}, 1], ids=repr)
def test_ids_come_in_a_list(kept: Memory, used: Any) -> None:
    with pytest.raises(TypeError, match="used must be ids"):
        kept.reinforce(kept.search("ferry"), used=used)


@pytest.mark.parametrize("name", ["first year", "last year"])
def test_a_time_outside_of_the_years_that_can_be_kept_is_refused(kept: Memory, name: str) -> None:
    with pytest.raises(ValueError, match="in UTC it lies outside of the years 1 to 9999"):
        kept.add("Hello.", at=ODD[name])


@pytest.mark.parametrize("metadata", [{1: 2}, {"a": {1: 2}}, {"a": [{None: 1}]}])
def test_keys_that_are_no_text_are_refused_at_any_depth(kept: Memory, metadata: Any) -> None:
    with pytest.raises(ValueError, match="its keys must be strings"):
        kept.add("Hello.", metadata=metadata)
