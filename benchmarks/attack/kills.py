"""Kill a process at random moments while it changes a memory, and look at what is left.

    python benchmarks/attack/kills.py --count 100 --seed 1

The process writes down what it is about to do, and again once that has returned. After each kill the file is
opened again: what had returned is there, what was going on has happened wholly or not at all, uses are counted,
`check` finds nothing, and no word of a deleted memory is in the file or its log. A file lives through 25 kills.
The seed fixes what is done; the moments also depend on the machine.
"""

from __future__ import annotations

import itertools
import json
import multiprocessing
import os
import random
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import common

from helamem.records import Episode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from helamem import Memory

KILLS_A_FILE = 25
LONGEST_S = 0.5  # until the kill, from the start of the process on
MOST_STEPS = 1_000  # a process that nobody kills ends, too
FORK = multiprocessing.get_context("fork")  # starts in no time, so that the kills hit the memory

Step = dict[str, Any]


def planned(memory: Memory, rng: random.Random) -> tuple[Step, Callable[[], object]]:
    """What is done next: as it is written down, and as it is done."""
    here = [each for each in memory.list() if isinstance(each, Episode)]
    some = rng.sample(here, min(len(here), 3))
    words, ids = [common.word_of(each.text) for each in some], [each.id for each in some]
    kind = rng.choice(("add", "add", "learn", "learn", "update", "delete", "import", "consolidate"))
    if kind == "import":
        lines = common.sample_export(rng)
        added = [json.loads(line) for line in lines]
        uses = {
            common.word_of(line["text"]): line["uses"]
            for line in added
            if line["type"] == "episode"
        }
        return {"adds": uses}, lambda: memory.import_(lines)
    if kind == "consolidate":
        return {}, lambda: memory.consolidate(llm=False)
    if kind == "add" or not some:
        turns = [common.turn(common.unique(rng), rng) for _ in range(rng.randint(1, 8))]
        return {"adds": {common.word_of(t["text"]): 0 for t in turns}}, lambda: memory.add(turns)
    if kind == "learn":
        return {"uses": words}, lambda: common.learn(memory, ids, rng)
    if kind == "delete":
        return {"deletes": words}, lambda: memory.delete(*ids)
    new = common.turn(common.unique(rng), rng)["text"]
    renamed = {"old": words[0], "new": common.word_of(new)}
    return {"renames": renamed}, lambda: memory.update(ids[0], new)


def victim(path: Path | str, log: Path, seed: int, namespace: str = "default") -> None:
    """Change a memory until somebody kills this process."""
    rng = random.Random(seed)
    notes = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    with common.opened(path, namespace) as memory:
        for _ in range(MOST_STEPS):
            step, do = planned(memory, rng)
            os.write(notes, json.dumps(step).encode() + b"\n")
            do()
            os.write(notes, b'"done"\n')


@dataclass
class Ledger:
    """What a file must hold, by what was acknowledged.

    Attributes:
        uses: How often each turn was used, by its word.
        gone: The words of deleted turns, those of their earlier texts included.
    """

    uses: dict[str, int] = field(default_factory=dict)
    gone: set[str] = field(default_factory=set)
    earlier: dict[str, set[str]] = field(default_factory=dict)

    def after(self, step: Step) -> Ledger:
        """What it must hold once a step was done."""
        uses, gone, earlier = (
            {**self.uses, **step.get("adds", {})},
            set(self.gone),
            {**self.earlier},
        )
        for word in step.get("uses", ()):
            uses[word] += 1
        for word in step.get("deletes", ()):
            del uses[word]
            gone |= {word, *earlier.pop(word, ())}
        if "renames" in step:
            old, new = step["renames"]["old"], step["renames"]["new"]
            uses[new] = uses.pop(old)
            earlier[new] = {old, *earlier.pop(old, ())}
        return Ledger(uses, gone, earlier)


def acknowledged(log: Path) -> Iterator[tuple[Step, bool]]:
    """Each step that was begun, and whether it had returned; a line that was cut off is none."""
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    steps = [json.loads(line) for line in lines]
    for step, after in itertools.zip_longest(steps, steps[1:]):
        if step != "done":
            yield step, after == "done"


def held(
    tally: common.Tally, memory: Memory, name: str, ledger: Ledger, going_on: Step | None
) -> Ledger:
    """Hold a memory to its ledger after a kill, and say which ledger holds from now on."""
    for finding in memory.check():
        tally.failures.append(f"check() of {name}: {finding}")
    here = [each for each in memory.list() if isinstance(each, Episode)]
    found = {common.word_of(each.text): each.uses for each in here}
    tally.require(len(found) == len(here), "a turn is there twice")
    tally.counts["turns verified"] += len(found)
    tally.counts["uses verified"] += sum(found.values())
    possible = [ledger] if going_on is None else [ledger, ledger.after(going_on)]
    for each in possible:
        if each.uses == found:
            return each
    tally.failures.append(
        f"{name}: lost {sorted(ledger.uses.keys() - found.keys())[:5]}, came back "
        f"{sorted(ledger.gone & found.keys())[:5]}, going on {going_on}"
    )
    return Ledger(found)


def examined(tally: common.Tally, path: Path, ledger: Ledger, going_on: Step | None) -> Ledger:
    """Open a file after a kill, hold it to its ledger, and look for deleted words."""
    with common.opened(path) as memory:
        ledger = held(tally, memory, path.name, ledger, going_on)
        left = ledger.gone & common.words_in(path)
        tally.require(
            not left, f"{path.name}: deleted words are still in the file: {sorted(left)[:5]}"
        )
    tally.counts["deleted words looked for"] += len(ledger.gone)
    return ledger


def killed(path: Path, log: Path, rng: random.Random) -> bool:
    """Start a process that changes a memory, and kill it at some moment; whether it was still running."""
    process = FORK.Process(target=victim, args=(path, log, rng.getrandbits(32)))
    process.start()
    time.sleep(rng.uniform(0, LONGEST_S))
    process.kill()
    process.join()
    return process.exitcode == -9


def attack(tally: common.Tally, rng: random.Random, n: int) -> None:
    """Kill, open and look, again and again."""
    tally.counts = Counter(
        dict.fromkeys(("kills", "in mid-operation", "acknowledged operations"), 0)
    )
    with tempfile.TemporaryDirectory() as folder:
        ledger, path = Ledger(), Path(folder)
        for i in range(n):
            if i % KILLS_A_FILE == 0:
                ledger, path = Ledger(), Path(folder) / f"{i}.db"
            log = Path(folder) / f"log{i}"
            tally.require(killed(path, log, rng), "the process ended by itself")
            going_on = None
            for step, returned in acknowledged(log):
                ledger, going_on = (ledger.after(step), None) if returned else (ledger, step)
                tally.counts["acknowledged operations"] += returned
            tally.counts["kills"] += 1
            tally.counts["in mid-operation"] += going_on is not None
            ledger = examined(tally, path, ledger, going_on)


def kills(n: int, seed: int) -> common.Tally:
    """Kill `n` times."""
    return common.run("kills", attack, n, seed)


if __name__ == "__main__":
    sys.exit(common.main(kills, 100))
