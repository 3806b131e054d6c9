"""Call every public method of a memory with odd values in the places of sound ones.

    python benchmarks/attack/calls.py --count 3000 --seed 1

Nothing may be raised but helamem's own errors, TypeError and ValueError, and the memory stays sound. UnicodeError is a
ValueError to Python, but a failure here. Values are made of a few odd ones, also as lists, mappings and filters.
"""

from __future__ import annotations

import inspect
import math
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import common
import numpy as np

from helamem import Memory, Turn
from helamem.errors import HelaMemError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

CALLS_A_MEMORY = 25  # some of them delete
EAST, WEST = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
NOW = datetime(2024, 5, 6, 12, tzinfo=UTC)


def _nested(n: int) -> Any:  # noqa: ANN401
    inner: Any = 1
    for i in range(n):
        inner = [inner] if i % 2 else {"a": inner}
    return inner


LEAVES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2, 1.9, 2**31, 2**63, -(2**63) - 1, 10**400, math.inf, -math.inf, math.nan, 1e308, -0.0,
    "", " \n\t", "1", "hens", "9" * 5_000, "a\0b", "\ud83d", "\u200b", "\u202e", "\U0001f95c" * 50, "word " * 5_000,
    "x" * 50_000, "%", "'; DROP TABLE node; --", "id", "metadata.kind", "1e5", "0001-01-01", b"1", b"\xff", bytearray(b"1"),
    1j, Decimal("NaN"), ..., object(), object, len, iter(()), range(3), frozenset({1}), np.int64(1), np.float32("nan"),
    np.zeros(3), np.array("a"), np.zeros((2, 2)), datetime(2024, 5, 6), date(2024, 5, 6), timedelta(1),  # noqa: DTZ001
    datetime(1, 1, 1, tzinfo=EAST), datetime(9999, 12, 31, 23, 59, tzinfo=WEST), datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC),
    _nested(90), _nested(2_000),
)  # fmt: skip
KEYS = (
    "text", "content", "role", "speaker", "name", "at", "session", "metadata", "tool_calls", "parts", "type", "id", "kind",
    "OR", "AND", "NOT", "in", "gte", "contains", "not_a_field", "metadata.kind", "a.b", "", 1, None, "\ud83d",
)  # fmt: skip
ASKED = (
    "Who keeps hens?",
    "What did Maya do yesterday, and in March?",
    "Since when, two weeks ago?",
)
SKIPPED = {"close", "ask", "export", "reindex"}  # the end, a model, no arguments, costs time
DUCKS = {"llm", "progress"}  # objects of the caller's: what they do is theirs


def odd(rng: random.Random, depth: int = 3) -> Any:  # noqa: ANN401
    """An odd value, or something made of odd values."""
    shape = rng.random() if depth else 0.0
    if shape < 0.6:
        return rng.choice(LEAVES)
    several = [odd(rng, depth - 1) for _ in range(rng.randint(0, 3))]
    if shape < 0.75:
        return rng.choice((list, tuple, iter))(several)
    return {rng.choice(KEYS): each for each in several}


def sound(memory: Memory, rng: random.Random) -> dict[str, Callable[[], Any]]:
    """What a method takes under each name."""
    text = f"{common.unique(rng)} Maya keeps hens."
    return {
        "messages": lambda: [{"role": "user", "content": text}],
        "turns": lambda: [text, {"text": text, "speaker": "Ana"}],
        "turn": lambda: Turn(text),
        "query": lambda: rng.choice(ASKED),
        "recall": lambda: memory.search("hens"),
        "used": lambda: [1],
        "unhelpful": lambda: [2],
        "ids": lambda: 1,
        "id_": lambda: 1,
        "a": lambda: 1,
        "b": lambda: 2,
        "words": lambda: text,
        "name": lambda: "Maya",
        "key": lambda: "a key",
        "episode": lambda: memory.get(memory.add(text).ids[0]),
        "metadata": lambda: {"kind": "animal"},
        "filters": lambda: {"speaker": "Ana", "at": {"gte": "2024-01-01T00:00:00Z"}},
        "at": lambda: NOW,
        "as_of": lambda: NOW,
        "lines": lambda: [f'{{"text": "{text}"}}'],
    }


def arguments(
    method: Callable[..., object], memory: Memory, rng: random.Random
) -> tuple[list[Any], dict[str, Any]]:
    """Sound values for what a method needs, and odd ones in one or two places."""
    takes = [
        each for each in inspect.signature(method).parameters.values() if each.name not in DUCKS
    ]
    spoilt = rng.sample(takes, min(len(takes), rng.choice((1, 1, 2))))
    known = sound(memory, rng)
    places: list[Any] = []
    names: dict[str, Any] = {}
    for each in takes:
        if each not in spoilt and each.default is not inspect.Parameter.empty:
            continue
        given = odd(rng) if each in spoilt else known[each.name]()
        if each.kind is inspect.Parameter.KEYWORD_ONLY:
            names[each.name] = given
        else:
            places.append(given)
    return places, names


def called(memory: Memory, name: str, rng: random.Random) -> str:
    """What becomes of one call.

    Raises:
        Exception: It is none of the documented ones.
    """
    method = memory.search("hens").context if name == "context" else getattr(memory, name)
    places, names = arguments(method, memory, rng)
    try:
        result = method(*places, **names)
        if isinstance(result, Iterable):
            list(result)
        repr(result)
    except UnicodeError:
        raise
    except (HelaMemError, TypeError, ValueError):
        return "refused"
    return "taken"


def filled(rng: random.Random) -> Memory:
    """A memory with some turns, of which it has learned."""
    memory = common.opened()
    ids = list(memory.add([common.turn(common.unique(rng), rng) for _ in range(6)]).ids)
    common.learn(memory, ids[:3], rng)
    return memory


def examined(tally: common.Tally, memory: Memory) -> None:
    """Whether a memory can still be read, after all that it was called with."""
    try:
        tally.failures += [f"check(): {finding}" for finding in memory.check()]
        memory.search("hens"), memory.list(), list(memory.export()), memory.stats()
    except Exception as error:  # noqa: BLE001  # whatever it is, it is what we look for
        tally.failures.append(f"not readable any more: {type(error).__name__}: {error!s:.200}")
    memory.close()


def attack(tally: common.Tally, rng: random.Random, n: int) -> None:
    """Make `n` calls."""
    public = [name for name in dir(Memory) if not name.startswith("_") and name not in SKIPPED]
    methods = [name for name in public if callable(getattr(Memory, name))] + ["context"]
    tally.counts.update({"calls": n, "methods": len(methods), "taken": 0, "refused": 0})
    for start in range(0, n, CALLS_A_MEMORY):
        memory = filled(rng)
        for i in range(start, min(n, start + CALLS_A_MEMORY)):
            name = rng.choice(methods)
            try:
                tally.counts[called(memory, name, rng)] += 1
            except Exception as error:  # noqa: BLE001
                where = f"call {i} ({name})"
                tally.failures.append(f"{where}: {type(error).__name__}: {error!a:.300}")
        examined(tally, memory)


def calls(n: int, seed: int) -> common.Tally:
    """Make `n` calls."""
    return common.run("calls", attack, n, seed)


if __name__ == "__main__":
    sys.exit(common.main(calls, 3_000))
