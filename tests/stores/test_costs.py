"""What one `add`, `reinforce`, `update`, `delete` and search cost: as much in a large namespace as in a small one.

SQLite's own steps are counted: each row that is read or written takes some.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem import Config, Memory
from helamem.models.embedders import HashingEmbedder
from helamem.protocols import EdgeRule
from helamem.stores.sqlite.database import Database

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

SMALL, LARGE = 150, 1500
SLACK = 1.1  # a tree with more rows may have a level more
RULE = EdgeRule(tau=9.0, saturation=1.0, ceiling=1.0, floor=0.01)
WORDS = ("hens", "goats", "bees", "geese", "sheep", "cows", "ducks")


class Steps:
    """Counts the steps of SQLite's virtual machine, on every connection that is opened from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.n = 0
        self._opened: list[Database] = []
        real = Database.__init__

        def init(database: Database, *path: Any, **settings: Any) -> None:
            real(database, *path, **settings)
            self._opened.append(database)

        monkeypatch.setattr(Database, "__init__", init)

    def _count(self) -> int:
        self.n += 1
        return 0

    def of(self, act: Callable[[], object]) -> int:
        """How many one call takes."""
        before = self.n
        for database in self._opened:  # only now: to call Python at every step takes long
            database._connection.set_progress_handler(self._count, 1)
        act()
        for database in self._opened:
            database._connection.set_progress_handler(None, 0)
        return self.n - before


def costs(path: Path, n: int, steps: Steps) -> dict[str, int]:
    """The steps of each use, in a namespace of so many turns; each word is said ten times, if at all."""
    with Memory(path, config=Config(), embedder=HashingEmbedder(32)) as memory:
        for start in range(0, n, 10):
            memory.add_many(
                {"content": f"Said {i} about {WORDS[i % 7]}{i // 70}.", "speaker": "Ana"}
                for i in range(start, start + 10)
            )
        middle = n // 2
        recall = memory.search("Who keeps hens1?")
        memory.reinforce(recall, used=[middle, middle + 1])
        memory.search("Who keeps hens1?")
        return {
            "add": steps.of(lambda: memory.add("Maya is allergic to peanuts.")),
            "search after it": steps.of(lambda: memory.search("What about goats1?")),
            "search": steps.of(lambda: memory.search("What about goats1?")),
            "reinforce": steps.of(lambda: memory.reinforce(recall, used=[middle, middle + 3])),
            "update": steps.of(lambda: memory.update(middle + 4, "Said of hens.")),
            "find hubs": steps.of(lambda: memory._store.joined(at_least=2)),
            "prune": steps.of(lambda: memory._store.prune(rule=RULE, now=2.0)),
            "delete": steps.of(lambda: memory.delete(middle + 5)),
            "search after a deletion": steps.of(lambda: memory.search("What about bees1?")),
        }


def test_a_use_costs_as_much_in_a_large_namespace_as_in_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = (costs(tmp_path / f"{n}.db", n, Steps(monkeypatch)) for n in (SMALL, LARGE))

    grown = {name: (n, large[name]) for name, n in small.items() if large[name] > SLACK * n}
    assert {} == grown
