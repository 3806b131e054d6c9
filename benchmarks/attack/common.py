"""What the attacks share: a tally, texts with words that occur nowhere else, a memory to attack, a command line."""

from __future__ import annotations

import argparse
import json
import logging
import random
import re
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# That a log cannot be emptied while others read is no failure: what is left must be gone at the end.
logging.getLogger("helamem").setLevel(logging.ERROR)

SHOWN = 10  # failures that are printed; the JSON has them all
UNIQUE = re.compile(rb"zq[0-9a-f]{12}")
PEOPLE = ("Maya", "Ana", "Jonas")
SENTENCES = (
    "keeps three hens behind the house in Lisbon.",
    "is allergic to peanuts since 2019.",
    "works at the harbour office on Mondays.",
    "bought a red bicycle for the way to the ferry.",
    "plays the cello in a small orchestra.",
)
QUESTIONS = ("Who has hens?", "What is Maya allergic to?", "Where is the harbour?", "Who plays?")


@dataclass
class Tally:
    """What one attack did, and what failed."""

    attack: str
    seed: int
    counts: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def require(self, holds: bool, sentence: str) -> None:
        """Note a failure where something does not hold."""
        if not holds:
            self.failures.append(sentence)


def opened(path: str | Path = ":memory:", namespace: str = "default") -> Memory:
    """A memory with default settings, whatever the environment says, and an embedder without a model."""
    return Memory(path, namespace=namespace, config=Config(), embedder=HashingEmbedder(64))


def unique(rng: random.Random) -> str:
    """A word that occurs nowhere else, so that it can be looked for in raw files."""
    return f"zq{rng.getrandbits(48):012x}"


def turn(word: str, rng: random.Random) -> dict[str, str]:
    """A turn that begins with a word."""
    text = f"{word} {rng.choice(PEOPLE)} {rng.choice(SENTENCES)}"
    return {"text": text, "speaker": rng.choice(PEOPLE), "session": f"s{rng.randrange(5)}"}


def word_of(text: str) -> str:
    """The word with which a turn of ours begins."""
    return text.split(" ", 1)[0]


def words_in(path: Path) -> set[str]:
    """The words of ours that are in the raw bytes of a file, its log and its index."""
    raw = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*"))
    return {word.decode() for word in UNIQUE.findall(raw)}


def learn(memory: Memory, ids: list[int], rng: random.Random) -> None:
    """Ask something, and say that these memories served."""
    memory.reinforce(memory.search(rng.choice(QUESTIONS)), used=ids)


def sample_export(rng: random.Random, n: int = 12) -> list[str]:
    """The lines of an export with episodes, facts, cues, learned edges and clusters."""
    with opened() as memory:
        ids = memory.add([turn(unique(rng), rng) for _ in range(n)]).ids
        for _ in range(12):
            learn(memory, rng.sample(ids[:5], 3), rng)
        memory.consolidate(llm=False)
        return [json.dumps(line) for line in memory.export()]


def run(attack: str, do: Callable[[Tally, random.Random, int], None], n: int, seed: int) -> Tally:
    """An attack of `n` attempts, with the time that it took."""
    tally = Tally(attack, seed)
    started = time.perf_counter()
    do(tally, random.Random(seed), n)
    tally.seconds = round(time.perf_counter() - started, 1)
    return tally


def report(tallies: list[Tally]) -> int:
    """Print a table and JSON; 1 where anything failed, or else 0."""
    print("| attack | what was done | failures | seconds |\n|---|---|---|---|")
    for tally in tallies:
        done = ", ".join(f"{n:,} {name}" for name, n in tally.counts.items())
        print(f"| {tally.attack} | {done} | {len(tally.failures)} | {tally.seconds:.0f} |")
    for tally in tallies:
        for failure in tally.failures[:SHOWN]:
            print(f"FAILED {tally.attack}: {failure}", file=sys.stderr)
    print(json.dumps([vars(tally) for tally in tallies]))
    return int(any(tally.failures for tally in tallies))


def main(attack: Callable[[int, int], Tally], default: int) -> int:
    """The command line of one attack."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--count", type=int, default=default)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    return report([attack(given.count, given.seed)])
