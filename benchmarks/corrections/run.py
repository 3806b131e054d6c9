"""How often an old value comes back after it was put right, in four ways.

    PYTHONPATH=src python benchmarks/corrections/run.py [--echo] [--json FILE]

Each of a hundred things is said, asked about and reinforced; facts are distilled; then it is put right.
Afterwards the question that was learned and one in other words are asked. An old value has come back where a
hit says it; where the context for a prompt does (500 tokens); and where a fact that holds does. With --echo an
assistant repeats each wrong value in a turn of its own, which nobody puts right.
"""

from __future__ import annotations

import argparse
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cases import SMALL_TALK, cases

from helamem import Config, Memory, Turn

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from cases import Case

START = datetime(2024, 5, 6, 9, 0, tzinfo=UTC)
DENSE = {"consolidation.min_strength": 0.5, "consolidation.min_degree": 1}
K, TOKENS = 10, 500


def said_on(case: Case, n: int, *, echo: bool) -> list[Turn]:
    """A short conversation in which the wrong value is said once, or once more by an assistant."""
    at = START + timedelta(hours=n)
    texts = [SMALL_TALK[n % len(SMALL_TALK)], case.said, SMALL_TALK[(n + 3) % len(SMALL_TALK)]]
    turns = [
        Turn(text, case.who, "user", at + timedelta(minutes=i), f"talk {n}")
        for i, text in enumerate(texts)
    ]
    if echo:
        words = f"I will remember: {case.said}"
        turns.append(Turn(words, "", "assistant", at + timedelta(minutes=5), f"talk {n}"))
    return turns


def by_adding(memory: Memory, case: Case, _id: int, at: datetime) -> None:
    """The right value is said, and nothing is done about the wrong one."""
    memory.add(case.corrected, speaker=case.who, at=at)


def by_updating(memory: Memory, case: Case, id_: int, _at: datetime) -> None:
    """The turn is overwritten."""
    memory.update(id_, case.corrected)


def by_correcting(memory: Memory, case: Case, id_: int, _at: datetime) -> None:
    """A new memory takes the place of the turn."""
    memory.correct(id_, case.corrected)


def by_superseding(memory: Memory, case: Case, id_: int, at: datetime) -> None:
    """The right value is said, and supersedes the turn."""
    memory.add(case.corrected, speaker=case.who, at=at, supersedes=id_)


WAYS: dict[str, Callable[[Memory, Case, int, datetime], None]] = {
    "add": by_adding,
    "update": by_updating,
    "correct": by_correcting,
    "add(supersedes=)": by_superseding,
}


@dataclass(slots=True)
class Count:
    """Of how many questions what comes back."""

    questions: int = 0
    old_in_hits: int = 0
    old_in_context: int = 0
    old_first: int = 0
    new_in_hits: int = 0
    new_first: int = 0
    facts: int = 0
    old_in_facts: int = 0
    which: list[str] = field(default_factory=list)


def measure(memory: Memory, hundred: Sequence[Case], at: datetime) -> Count:
    """Ask everything, and look for the old values."""
    found = Count()
    for case in hundred:
        for question in case.questions:
            recall = memory.search(question, k=K, at=at)
            texts = [hit.text for hit in recall]
            old = [says(text, case, case.wrong) for text in texts]
            new = [says(text, case, case.right) for text in texts]
            found.questions += 1
            found.old_in_hits += any(old)
            found.old_in_context += says(recall.context(TOKENS), case, case.wrong)
            found.new_in_hits += any(new)
            found.old_first += any(old) and (not any(new) or old.index(True) < new.index(True))
            found.new_first += any(new) and (not any(old) or new.index(True) < old.index(True))
            if any(old):
                found.which.append(question)
    facts = memory.facts()
    found.facts = len(facts)
    found.old_in_facts = sum(
        any(says(fact.text, case, case.wrong) for fact in facts) for case in hundred
    )
    return found


def says(text: str, _case: Case, value: str) -> bool:
    """Whether a text has the value as a word."""
    return re.search(rf"(?<![\w-]){re.escape(value)}(?![\w-])", text) is not None


def taught(*, echo: bool) -> tuple[Memory, list[int]]:
    """A memory of a hundred wrong values, each asked about and reinforced, with facts; and their turns."""
    now = [START.timestamp()]
    memory = Memory(":memory:", config=Config.of("default", **DENSE), clock=lambda: now[0])
    ids = []
    for n, case in enumerate(cases()):
        turns = memory.add(said_on(case, n, echo=echo)).ids
        ids.append(turns[1])
        for _ in range(2):
            recall = memory.search(case.questions[0], at=START + timedelta(days=7))
            memory.reinforce(recall, used=turns[1:3], at=START + timedelta(days=7))
    memory.consolidate(llm=False, at=START + timedelta(days=8))
    return memory, ids


def afterwards(memory: Memory, hundred: Sequence[Case], *, echo: bool) -> Memory:
    """Everything that might bring something back: the old talks again, consolidation, another file."""
    for n, case in enumerate(hundred):
        memory.add(said_on(case, n, echo=echo))
    memory.consolidate(llm=False, at=START + timedelta(days=12))
    memory.reindex()
    other = Memory(":memory:", config=memory.config, clock=memory._clock)
    other.import_(json.dumps(line) for line in memory.export())
    return other


def run(way: str, *, echo: bool) -> dict[str, Any]:
    """One way, measured before, right after, and after everything else."""
    hundred = list(cases())
    memory, ids = taught(echo=echo)
    later = START + timedelta(days=14)
    before = measure(memory, hundred, later)
    for n, (case, id_) in enumerate(zip(hundred, ids, strict=True)):
        WAYS[way](memory, case, id_, START + timedelta(days=10, minutes=n))
    after = measure(memory, hundred, later)
    memory = afterwards(memory, hundred, echo=echo)
    return {"before": before, "after": after, "afterwards": measure(memory, hundred, later)}


def main() -> None:
    """Measure every way, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--echo", action="store_true")
    parser.add_argument("--ways", nargs="*", default=list(WAYS))
    given = parser.parse_args()
    results = {way: run(way, echo=given.echo) for way in given.ways}
    print(
        "| way | when | old in hits | old in context | old before new | new in hits | old in facts |"
    )
    print("|:--|:--|--:|--:|--:|--:|--:|")
    for way, counts in results.items():
        for when, count in counts.items():
            print(
                f"| {way} | {when} | {count.old_in_hits} | {count.old_in_context} | {count.old_first}"
                f" | {count.new_in_hits} | {count.old_in_facts} of {count.facts} |"
            )
    if given.json:
        plain = {
            way: {
                when: {name: getattr(count, name) for name in Count.__slots__}
                for when, count in counts.items()
            }
            for way, counts in results.items()
        }
        given.json.write_text(json.dumps(plain, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
