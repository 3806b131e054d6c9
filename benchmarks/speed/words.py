"""What finding the best memories by words takes, where terms have ten thousand to a million postings.

python benchmarks/speed/words.py FOLDER   makes a file of a million memories there, unless it has one

For each question: how many postings its terms have, how many were read in blocks, the milliseconds of processor time
that takes, and those of reading everything; the least of three rounds, and of one.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from helamem.core import impacts, lexical, threshold
from helamem.core.vectors import top_k
from helamem.stores.sqlite import posting_table, word_search
from helamem.stores.sqlite.database import Database
from helamem.stores.sqlite.files import FUNCTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

N = 1_000_000
SHARES = {1: 1.0, 2: 0.3, 3: 0.1, 4: 0.1, 5: 0.01, 6: 0.01, 7: 0.001}
QUESTIONS = (
    [5],
    [3],
    [1],
    [5, 6],
    [5, 3],
    [3, 4],
    [2, 3],
    [1, 2],
    [7, 3],
    [7, 1],
    [5, 1],
    [7, 5, 3, 2],
    [5, 6, 3, 4, 2],
)
K, MOST, K1, B = 64, 50_000, 1.2, 0.75


def main(folder: str) -> None:
    """Measure every question."""
    lengths, postings = drawn()
    db = made(Path(folder) / "words.db", lengths, postings)
    for terms in QUESTIONS:
        frequency = np.array([len(postings[term][0]) for term in terms], np.float32)
        print(terms, measured(db, lengths, terms, frequency), flush=True)


def drawn() -> tuple[np.ndarray, dict[int, tuple[np.ndarray, np.ndarray]]]:
    """The length of each memory, and for each term the memories that have it and how often."""
    generator = np.random.default_rng(0)
    lengths = generator.geometric(1 / 12, N + 1).astype(np.float32)
    postings = {}
    for term, share in SHARES.items():
        ids = np.flatnonzero(generator.random(N) < share) + 1
        counts = generator.geometric(0.8, len(ids))
        lengths[ids] = np.maximum(lengths[ids], counts)
        postings[term] = ids, counts
    return lengths, postings


def made(
    path: Path, lengths: np.ndarray, postings: dict[int, tuple[np.ndarray, np.ndarray]]
) -> Database:
    """A file with these postings, and nothing else."""
    is_there = path.exists()
    db = Database(str(path), synchronous="normal", busy_s=9, functions=FUNCTIONS)
    db.execute("PRAGMA foreign_keys = OFF")
    with db.writing():
        for term, (ids, counts) in () if is_there else postings.items():
            rows = [
                (term, impacts.level(n, length), id_, n, 0)
                for id_, n, length in zip(
                    ids.tolist(), counts.tolist(), lengths[ids].tolist(), strict=True
                )
            ]
            posting_table._pack(db, np.array(sorted(rows)))
            db.many(
                "INSERT INTO word VALUES (?, ?, ?, 0)",
                [(id_, term, n) for term, _, id_, n, _ in rows],
            )
    return db


def measured(db: Database, lengths: np.ndarray, terms: Sequence[int], frequency: np.ndarray) -> str:
    """One question, in blocks and by reading everything."""
    settings = {"mean_length": float(lengths.mean()), "k1": K1, "b": B}
    asked = posting_table.Asked(np.array(terms), frequency)
    scoring = threshold.Scoring(
        idf=lexical.inverse_document_frequency(frequency, N),
        ceilings=impacts.ceilings(**settings),
        **settings,
    )
    index = SimpleNamespace(is_all_active=True, lengths=lambda ids: lengths[ids])
    seen: Any = SimpleNamespace(space=SimpleNamespace(db=db), index=index)

    def blocks() -> threshold.Best:
        return threshold.best(word_search._Lists(seen, asked, None), scoring, k=K, most=MOST)

    def whole() -> np.ndarray:
        found = posting_table.everywhere(seen.space, asked)
        parts = scoring.parts(found.places, found.counts.astype(np.float64), lengths[found.ids])
        return top_k(np.bincount(found.ids, weights=parts), K)

    best = blocks()
    return (
        f"{int(frequency.sum()):,} postings, {best.n_read:,} read, left out {best.left_out:.2f}: "
        f"{min(timed(blocks) for _ in range(3)):.1f} ms, all {timed(whole):.1f} ms"
    )


def timed(act: Callable[[], object]) -> float:
    """Milliseconds of processor time."""
    started = time.thread_time()
    act()
    return 1e3 * (time.thread_time() - started)


if __name__ == "__main__":
    main(sys.argv[1])
