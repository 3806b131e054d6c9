"""What every peer's program shares: it reads conversations from a file, and writes rankings to another.

A peer's program runs in an environment of its own, without helamem. It has a class with `add(turns)` and
`search(question, k)`, and ends with `common.main(ThatClass)`. Turns come as texts that all peers and all
simple systems read alike, `[8 May 2023] Speaker: text`; rankings go out as ids of turns.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Protocol


class Peer(Protocol):
    """A system that is measured."""

    package: str  # whose version is recorded

    def __init__(self, folder: Path, model: str) -> None: ...

    def add(self, turns: list[dict[str, str]]) -> None:
        """Remember turns: id, text, speaker, session, at."""
        ...

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        ...


def main(peer: type[Peer]) -> None:
    """Measure a peer on every conversation of the input."""
    options = argparse.ArgumentParser()
    options.add_argument("input", type=Path)
    options.add_argument("output", type=Path)
    options.add_argument(
        "--model", required=True, help="the folder of the sentence-transformers model"
    )
    given = options.parse_args()
    asked = json.loads(given.input.read_text(encoding="utf-8"))
    found = {c["id"]: measure(peer, c, asked["k"], given.model) for c in asked["conversations"]}
    result = {"version": metadata.version(peer.package), "conversations": found}
    given.output.write_text(json.dumps(result), encoding="utf-8")


def measure(peer: type[Peer], conversation: dict[str, Any], k: int, model: str) -> dict[str, Any]:
    """One conversation in a memory of its own: every ranking, and how long all took."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        system = peer(Path(folder), model)
        system.search("load the model before anything is timed", 1)
        began = time.perf_counter()
        system.add(conversation["turns"])
        add_s = time.perf_counter() - began
        rankings = {}
        for question in conversation["questions"]:
            began = time.perf_counter()
            ranked = system.search(question["text"], k)
            rankings[question["id"]] = {"ranked": ranked, "ms": 1e3 * (time.perf_counter() - began)}
    return {"add_s": add_s, "rankings": rankings}
