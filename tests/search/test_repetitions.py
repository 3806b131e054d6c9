from __future__ import annotations

from helamem import Config, Memory


def test_the_best_do_not_depend_on_how_many_are_asked_for() -> None:
    memory = Memory(":memory:", config=Config.of(embedder="hashing:64"))
    memory.add([f"The peanut number {n} is in the bag." for n in range(150)], speaker="Ana")

    few, many = (memory.search("Which peanut?", k=k).ids for k in (10, 100))

    assert many[:10] == few
