"""Damage a sound export, and a sound JSONL of turns, in many ways, and import them.

    python benchmarks/attack/imports.py --count 300 --seed 1

Either it is refused with a `DataError` and the memory is as it was, or it is stored and everything can be read:
searched, listed, learned from, distilled, checked, exported, and imported again.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import common

from helamem.errors import DataError

if TYPE_CHECKING:
    import random
    from collections.abc import Callable

    from helamem import Memory

ODD = (
    'NaN', 'Infinity', '-Infinity', '1e999', '1e300', '-1e12', '253402300800', '-0.0', '1e-320', '0', '-1', '5', '1.5',
    '9223372036854775807', '9223372036854775808', '1' + '0' * 400, 'true', 'false', 'null', '""', '" \\n"', '"zzz"',
    '"\\ud83d"', '"a\\u0000b"', '"\\u200b"', '"1"', '"yesterday"', '"2024-13-45"', '[]', '[1, 1]', '[[1]]', '["1"]',
    '[null]', '{}', '{"a": NaN}', '{"": 1}', '{"\\ud83d": 1}', '{"a": {"b": [1e400]}}', '[' * 5_000 + ']' * 5_000,
    '{"a":' * 600 + '1' + '}' * 600, '"' + 'word ' * 20_000 + '"',
)  # fmt: skip
MARK = "@odd@"  # stands for a value that json could not write

Lines = list[str]


def _chosen(lines: Lines, rng: random.Random) -> tuple[int, dict[str, object], str]:
    at = rng.randrange(len(lines))
    line = json.loads(lines[at])
    return at, line, rng.choice(list(line))


def value(lines: Lines, rng: random.Random) -> Lines:
    """Put an odd value in the place of a sound one."""
    at, line, key = _chosen(lines, rng)
    line[key] = MARK
    return [*lines[:at], json.dumps(line).replace(f'"{MARK}"', rng.choice(ODD)), *lines[at + 1 :]]


def inside(lines: Lines, rng: random.Random) -> Lines:
    """Put an odd value into the metadata of a line."""
    at, line, _ = _chosen(lines, rng)
    line["metadata"] = {rng.choice(("topic", "id", "", "helamem.key", "contradicts")): MARK}
    return [*lines[:at], json.dumps(line).replace(f'"{MARK}"', rng.choice(ODD)), *lines[at + 1 :]]


def mixed(lines: Lines, rng: random.Random) -> Lines:
    """Give a line the value that another line has under the same name: an id, a reference, a type."""
    at, line, key = _chosen(lines, rng)
    others = [other[key] for other in map(json.loads, lines) if key in other]
    line[key] = rng.choice(others)
    return [*lines[:at], json.dumps(line), *lines[at + 1 :]]


def renamed(lines: Lines, rng: random.Random) -> Lines:
    """Give a value another name, or none."""
    at, line, key = _chosen(lines, rng)
    there = line.pop(key)
    if rng.random() < 0.5:
        line[rng.choice((key.upper(), key + " ", "zzz", *line))] = there
    return [*lines[:at], json.dumps(line), *lines[at + 1 :]]


def reordered(lines: Lines, rng: random.Random) -> Lines:
    """Leave lines out, repeat them, or change their order."""
    found = [line for line in lines for _ in range(rng.choices((0, 1, 2), (1, 20, 1))[0])]
    if rng.random() < 0.5:
        rng.shuffle(found)
    return found or lines


def torn(lines: Lines, rng: random.Random) -> Lines:
    """Cut the text, or change one character of it."""
    text = "\n".join(lines)
    at = rng.randrange(len(text))
    rest = "" if rng.random() < 0.3 else rng.choice('"{}[],:\\\0\ud83d\ufeff 9-') + text[at + 1 :]
    return (text[:at] + rest).split("\n")


def foreign(lines: Lines, rng: random.Random) -> Lines:
    """Put something among the lines that is none."""
    at = rng.randrange(len(lines) + 1)
    return [*lines[:at], rng.choice((*ODD, "not JSON", "<html>", lines[0])), *lines[at:]]


WAYS: tuple[Callable[[Lines, random.Random], Lines], ...] = (
    value, value, inside, mixed, mixed, renamed, reordered, torn, foreign,
)  # fmt: skip


def read(memory: Memory, rng: random.Random) -> None:
    """Read everything, learn, distil, and take it all into another memory.

    Raises:
        AssertionError: `check` finds something, or another memory does not hold what this one does.
    """
    list(memory.cues()), memory.facts(superseded=True), memory.profile(), memory.stats()
    memory.forget()
    common.learn(memory, [hit.id for hit in memory.search("hens").hits[:2]], rng)
    memory.consolidate(llm=False)
    if memory.check():
        raise AssertionError(f"check(): {memory.check()}")
    lines = [json.dumps(line, allow_nan=False) for line in memory.export()]
    with common.opened() as other:
        other.import_(lines)
        texts = [sorted(each.text for each in some.list()) for some in (memory, other)]
    if texts[0] != texts[1]:
        raise AssertionError(
            f"{len(texts[0])} memories, but {len(texts[1])} after export and import"
        )


def outcome(memory: Memory, lines: Lines, rng: random.Random) -> str:
    """What becomes of an import; whatever it raises but DataError, is a failure."""
    before = list(memory.export())
    try:
        memory.import_(lines)
    except DataError:
        if list(memory.export()) != before or memory.check():
            raise AssertionError("it was refused, but something was stored") from None
        return "refused"
    read(memory, rng)
    return "stored and readable"


def attack(tally: common.Tally, rng: random.Random, n: int) -> None:
    """Import `n` damaged files."""
    tally.counts.update({"malformed imports": n, "refused": 0, "stored and readable": 0})
    export = common.sample_export(rng)
    turns = [json.dumps(common.turn(common.unique(rng), rng)) for _ in range(12)]
    for i in range(n):
        lines = rng.choice((export, export, turns))
        ways = rng.sample(WAYS, rng.choice((1, 1, 2)))
        for way in ways:
            try:
                lines = way(lines, rng)
            except (
                ValueError,
                TypeError,
                AttributeError,
                IndexError,
            ):  # the first way left no JSON
                continue
        with common.opened() as memory:
            memory.add([common.turn(common.unique(rng), rng) for _ in range(3)])
            try:
                tally.counts[outcome(memory, lines, rng)] += 1
            except Exception as error:  # noqa: BLE001  # whatever it is, it is what we look for
                names = ", ".join(way.__name__ for way in ways)
                tally.failures.append(f"file {i} ({names}): {type(error).__name__}: {error!s:.200}")


def imports(n: int, seed: int) -> common.Tally:
    """Import `n` damaged files."""
    return common.run("imports", attack, n, seed)


if __name__ == "__main__":
    sys.exit(common.main(imports, 300))
