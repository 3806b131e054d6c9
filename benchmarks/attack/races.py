"""Several processes, each with several threads, do everything at once to one file.

    python benchmarks/attack/races.py --count 3000 --seed 1

Nothing may raise, except that a memory which somebody else has deleted is not found, or has changed. At the end every
turn is there that was added and not deleted, none that was deleted, with as many uses as were reported.
The seed fixes what each thread does; who comes first is up to the machine.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import sys
import tempfile
import threading
import traceback
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import common

from helamem.errors import ChangedError, NotFoundError
from helamem.records import Episode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from helamem import Memory

PROCESSES, THREADS = 2, 3
LATER = timedelta(days=2_000)  # by then memories are old enough to be forgotten
GOES_AT_ONCE = 0.02  # the share that one `forget` takes
FORK = multiprocessing.get_context("fork")


@dataclass
class Done:
    """What was reported to one thread.

    Attributes:
        words: Every word under which a turn was known, by its id.
        adds: The ids of turns that it added.
        raised: What was raised and is not documented.
    """

    counts: Counter[str] = field(default_factory=Counter)
    words: dict[int, set[str]] = field(default_factory=dict)
    adds: list[int] = field(default_factory=list)
    uses: Counter[int] = field(default_factory=Counter)
    deleted: list[int] = field(default_factory=list)
    raised: list[str] = field(default_factory=list)


def add(memory: Memory, rng: random.Random, done: Done) -> None:
    """Add some turns, as messages or as lines."""
    turns = [common.turn(common.unique(rng), rng) for _ in range(rng.randint(1, 4))]
    whole = rng.random() < 0.3
    receipt = memory.import_(map(json.dumps, turns)) if whole else memory.add(turns)
    for id_, turn in zip(receipt.ids, turns, strict=True):
        done.words[id_] = {common.word_of(turn["text"])}
        done.adds.append(id_)


def some_ids(memory: Memory, rng: random.Random, n: int) -> list[int]:
    """Ids of turns that are there now, and may be gone in a moment."""
    ids = [
        hit.id for hit in memory.search(rng.choice(common.QUESTIONS)).hits if hit.kind == "episode"
    ]
    return rng.sample(ids, min(len(ids), n))


def learn(memory: Memory, rng: random.Random, done: Done) -> None:
    """Say that some memories served."""
    ids = some_ids(memory, rng, 3)
    common.learn(memory, ids, rng)
    done.uses.update(ids)


def update(memory: Memory, rng: random.Random, done: Done) -> None:
    """Let a turn say something else."""
    for id_ in some_ids(memory, rng, 1):
        new = common.turn(common.unique(rng), rng)["text"]
        memory.update(id_, new)
        done.words.setdefault(id_, set()).add(common.word_of(new))


def delete(memory: Memory, rng: random.Random, done: Done) -> None:
    """Delete a turn: now and then one that others are using, else any."""
    ids = [each.id for each in memory.list() if isinstance(each, Episode)]
    used = some_ids(memory, rng, 1) if rng.random() < 0.2 else []
    for id_ in used or rng.sample(ids, min(len(ids), 1)):
        done.deleted += memory.delete(id_)


def forget(memory: Memory, rng: random.Random, done: Done) -> None:
    """Forget what is old by then."""
    plan = memory.forget(
        dry_run=rng.random() < 0.5, at=memory.now() + LATER, max_share=GOES_AT_ONCE
    )
    if plan.done:
        done.counts["turns forgotten"] += len(plan.ids)
        done.deleted += plan.ids


def read(memory: Memory, rng: random.Random, done: Done) -> None:  # noqa: ARG001  # as the others
    """Read everything in every way."""
    for each in (memory.export(), memory.list(), memory.cues(), memory.facts(), memory.profile()):
        list(each)
    memory.stats()


def consolidate(memory: Memory, rng: random.Random, done: Done) -> None:  # noqa: ARG001
    """Distil what is new; where somebody has changed it meanwhile, it is left for the next time."""
    report = memory.consolidate(llm=False)
    done.counts["facts made"] += len(report.facts_added)
    done.counts["clusters put off, since they had changed"] += len(report.failed)


# What is done, how often, and what it may raise.
Deed = tuple["Callable[[Memory, random.Random, Done], None]", int, tuple[type[Exception], ...]]
DEEDS: tuple[Deed, ...] = (
    (add, 30, ()),
    (learn, 30, (NotFoundError,)),
    (update, 10, (NotFoundError, ChangedError)),
    (delete, 8, (NotFoundError,)),
    (read, 8, ()),
    (consolidate, 8, ()),
    (forget, 3, ()),
)


def thread(memory: Memory, seed: int, n: int, done: Done) -> None:
    """One thread's part."""
    rng = random.Random(seed)
    for do, _, allowed in rng.choices(DEEDS, [often for _, often, _ in DEEDS], k=n):
        done.counts["operations"] += 1
        try:
            do(memory, rng, done)
        except allowed:
            done.counts["refused, since the memory was gone"] += 1
        except Exception:  # noqa: BLE001  # whatever it is, it is what we look for
            done.raised.append(f"{do.__name__}: {traceback.format_exc(limit=-4)}")


def process(path: Path, seeds: list[int], n: int) -> list[Done]:
    """One process's part: threads that share one memory."""
    dones = [Done() for _ in seeds]
    with common.opened(path) as memory:
        threads = [
            threading.Thread(target=thread, args=(memory, seed, n, done))
            for seed, done in zip(seeds, dones, strict=True)
        ]
        for each in threads:
            each.start()
        for each in threads:
            each.join()
    return dones


def examined(tally: common.Tally, path: Path, dones: Iterable[Done]) -> None:
    """Hold what is left to what was reported."""
    words: dict[int, set[str]] = {}
    uses: Counter[int] = Counter()
    added, deleted = set[int](), set[int]()
    for done in dones:
        tally.counts.update(done.counts)
        tally.failures += done.raised
        uses.update(done.uses)
        added.update(done.adds)
        deleted.update(done.deleted)
        for id_, some in done.words.items():
            words.setdefault(id_, set()).update(some)
    with common.opened(path) as memory:
        tally.failures += [f"check(): {finding}" for finding in memory.check()]
        here = {each.id: each for each in memory.list() if isinstance(each, Episode)}
        left = common.words_in(path)
    tally.require(
        not added - deleted - here.keys(), f"lost: {sorted(added - deleted - here.keys())}"
    )
    tally.require(not deleted & here.keys(), f"came back: {sorted(deleted & here.keys())}")
    gone = {word for id_ in deleted for word in words.get(id_, ())}
    tally.require(
        not gone & left, f"deleted words are still in the file: {sorted(gone & left)[:5]}"
    )
    tally.require(here.keys() <= added, f"from nowhere: {sorted(here.keys() - added)}")
    for id_, each in here.items():
        said = common.word_of(each.text)
        tally.require(said in words.get(id_, ()), f"memory {id_} says what nobody wrote: {said}")
        tally.require(each.uses == uses[id_], f"memory {id_}: {each.uses} uses of {uses[id_]}")
    tally.counts["turns added"] = len(added)
    tally.counts["memories deleted"] = len(deleted)
    tally.counts["deleted words looked for"] = len(gone)
    tally.counts["uses verified"] = sum(uses[id_] for id_ in here)


def attack(tally: common.Tally, rng: random.Random, n: int) -> None:
    """Let all of them do `n` operations together."""
    seeds = [[rng.getrandbits(32) for _ in range(THREADS)] for _ in range(PROCESSES)]
    each = max(1, n // (PROCESSES * THREADS))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "memory.db"
        with FORK.Pool(PROCESSES) as pool:
            parts = pool.starmap(process, [(path, some, each) for some in seeds], chunksize=1)
        examined(tally, path, [done for part in parts for done in part])


def races(n: int, seed: int) -> common.Tally:
    """Do `n` operations at once."""
    return common.run("races", attack, n, seed)


if __name__ == "__main__":
    sys.exit(common.main(races, 3_000))
