"""What every peer's program shares: it reads a conversation from a file, and writes rankings to another.

A peer's program runs in an environment of its own, without helamem. It has a class with `add(turns)` and
`search(question, k)`, and ends with `common.main(ThatClass)`. Turns come as texts that all peers and all
simple systems read alike, `[8 May 2023] Speaker: text`; rankings go out as ids of turns.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import tempfile
import time
import traceback
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Peer(Protocol):
    """A system that is measured.

    It may also have `searching_writes = True`: then each question is asked of a copy of the process; and
    `timed`, which is false after a search whose time is not its own.
    """

    package: str  # whose version is recorded

    def __init__(self, folder: Path, model: str) -> None: ...

    def add(self, turns: list[dict[str, str]]) -> None:
        """Remember turns: id, text, speaker, session, at."""
        ...

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        ...


def main(peer: type[Peer]) -> None:
    """Measure a peer on the conversation of the input."""
    options = argparse.ArgumentParser()
    options.add_argument("input", type=Path)
    options.add_argument("output", type=Path)
    options.add_argument(
        "--model", required=True, help="the folder of the sentence-transformers model"
    )
    options.add_argument("--packages", nargs="*", default=[], help="whose versions count, too")
    given = options.parse_args()
    asked = json.loads(given.input.read_text(encoding="utf-8"))
    found = measure(peer, asked, given.model)
    found["versions"] = versions(peer.package, *given.packages)
    given.output.write_text(json.dumps(found), encoding="utf-8")


def versions(*packages: str) -> dict[str, str]:
    """Of the peer, of what embeds for it, and of Python."""
    return {name: metadata.version(name) for name in packages} | {
        "python": platform.python_version()
    }


def dimension(model: str) -> int:
    """How long the vectors of a sentence-transformers model are."""
    loading = importlib.import_module("sentence_transformers")  # not every peer needs it
    length: int = loading.SentenceTransformer(
        model, device="cpu"
    ).get_sentence_embedding_dimension()
    return length


def measure(peer: type[Peer], asked: dict[str, Any], model: str) -> dict[str, Any]:
    """A conversation in a memory of its own: every ranking, and how long all took."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        system = peer(Path(folder), model)
        system.search("load the model before anything is timed", 1)
        began = time.perf_counter()
        system.add(asked["turns"])
        add_s = time.perf_counter() - began
        ask = in_a_copy if getattr(peer, "searching_writes", False) else here
        rankings = {
            question["id"]: ask(lambda text=question["text"]: timed(system, text, asked["k"]))
            for question in asked["questions"]
        }
        if hasattr(system, "close"):
            system.close()
    return {"add_s": add_s, "rankings": rankings}


def timed(system: Peer, question: str, k: int) -> dict[str, Any]:
    """A ranking, and the milliseconds that it took."""
    began = time.perf_counter()
    ranked = system.search(question, k)
    elapsed_ms = 1e3 * (time.perf_counter() - began)
    return {"ranked": ranked, "ms": elapsed_ms if getattr(system, "timed", True) else None}


def here(work: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever the work gives
    """Do it."""
    return work()


def in_a_copy(work: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever the work gives
    """Do it in a copy of this process, with which all that it changed in memory goes."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with os.fdopen(writing, "w", encoding="utf-8") as out:
                json.dump(work(), out)
        except BaseException:  # noqa: BLE001  # nothing may go on in the copy
            traceback.print_exc()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    if not text:
        raise RuntimeError("the copy that was asked did not answer; what it said stands above")
    return json.loads(text)
