"""A peer's rankings on one conversation, kept in a file, so that a run that broke off goes on.

A recording is used again only for what would come out the same: the same turns and questions, the same
program, versions, settings and Python, on the same kind of machine. It holds ids of turns and times, no text.
"""

from __future__ import annotations

import ast
import hashlib
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from helamem.cli import files
from helamem.evaluation import runner
from helamem.evaluation.provenance import hardware
from helamem.evaluation.systems import dated

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.evaluation.datasets import Conversation

COMMON = Path(__file__).parent / "common.py"

# For every peer: one thread, nothing over the network, and the same order of sets in each run.
SETTINGS = {
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONHASHSEED": "0",
}


@dataclass(frozen=True, slots=True)
class Model:
    """What peers embed with.

    Attributes:
        name: The embedder's.
        folder: What peers are told to load.
        packages: That load it; their versions are recorded.
        first: Folders that packages are looked for in before all others.
    """

    name: str
    folder: Path
    packages: tuple[str, ...] = ()
    first: tuple[Path, ...] = ()


def recorded(
    conversation: Conversation,
    *,
    program: Path,
    requirements: Sequence[Path],
    python: Path,
    model: Model,
    hours: float,
    folder: Path,
) -> dict[str, Any]:
    """What a peer's program found in a conversation, from the recording where there is one.

    Args:
        requirements: What was installed for it, the shared packages too.

    Returns:
        `versions`, `add_s` and `rankings`; or `not_finished_after_h`.

    Raises:
        CalledProcessError: The program failed.
    """
    asked = json.dumps(request(conversation))
    needed = [each.read_text(encoding="utf-8") for each in requirements]
    around = [model.name, json.dumps(SETTINGS), json.dumps(machine())]
    name = digest(asked, code(program), code(COMMON), *needed, *around)
    file = folder / f"{peer_of(program)}-{conversation.id}-{name}.json"
    if file.is_file():
        known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if holds(known, python=python, hours=hours):
            return known
    found = run(asked, program=program, python=python, model=model, hours=hours)
    folder.mkdir(exist_ok=True)
    # A run that breaks off here leaves no half of a recording.
    with files.writing(str(file)) as out:
        json.dump(found, out)
    return found


def machine() -> dict[str, Any]:
    """The kind of machine; Python and NumPy here are ours, and those of a peer are its own."""
    return {name: value for name, value in hardware().items() if name not in ("python", "numpy")}


def holds(known: dict[str, Any], *, python: Path, hours: float) -> bool:
    """Whether a peer would not do better now: in more time, or with another Python than it was run with.

    Where the environment is gone there is nothing to compare with, and what is recorded serves.
    """
    if "not_finished_after_h" in known:
        return bool(known["not_finished_after_h"] >= hours)
    return not python.is_file() or bool(known["versions"]["python"] == version_of(python))


def version_of(python: Path) -> str:
    """The version of an interpreter."""
    ask = "import platform; print(platform.python_version())"
    told = subprocess.run([python, "-c", ask], check=True, capture_output=True, text=True)
    return told.stdout.strip()


def request(conversation: Conversation) -> dict[str, Any]:
    """What a peer's program reads: no answers, no evidence."""
    return {
        "k": runner.K,
        "turns": [
            {
                "id": id_,
                "text": dated(turn),
                "speaker": turn.speaker,
                "session": turn.session,
                "at": turn.at.isoformat() if turn.at else "",
            }
            for id_, turn in zip(conversation.turn_ids, conversation.turns, strict=True)
        ],
        "questions": [{"id": q.id, "text": q.text} for q in conversation.questions],
    }


def run(asked: str, *, program: Path, python: Path, model: Model, hours: float) -> dict[str, Any]:
    """Run a peer's program, in an empty folder that is its home too."""
    with TemporaryDirectory(prefix="helamem-peer-", ignore_cleanup_errors=True) as home:
        question, answer = Path(home, "asked.json"), Path(home, "answered.json")
        question.write_text(asked, encoding="utf-8")
        words = [python, program, question, answer, "--model", model.folder]
        words += ["--packages", *model.packages]
        found_first = {"PYTHONPATH": os.pathsep.join(map(str, model.first))}
        settings = os.environ | SETTINGS | {"HOME": home} | found_first
        try:
            subprocess.run(words, check=True, timeout=3600 * hours, cwd=home, env=settings)
        except subprocess.TimeoutExpired:
            return {"not_finished_after_h": hours}
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        return found


def peer_of(program: Path) -> str:
    """The name of the peer whose program this is."""
    return program.stem.removesuffix("_peer")


def code(program: Path) -> str:
    """What a program does: without comments, layout, and the text at its top."""
    return ast.dump(ast.Module(_parsed(program).body[1:], type_ignores=[]))


def note(program: Path) -> str:
    """What the text at the top of a program says, in one line."""
    return " ".join((ast.get_docstring(_parsed(program)) or "").split())


def _parsed(program: Path) -> ast.Module:
    return ast.parse(program.read_text(encoding="utf-8"))


def digest(*parts: str) -> str:
    """A short name for texts."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]
