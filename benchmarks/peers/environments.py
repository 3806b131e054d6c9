"""Environments for the peers: one with the model that all share, and one a peer, which sees that one too.

Torch is most of what an environment takes, so it is installed once, in `base`; a peer's environment has a
.pth file that leads there. What a peer needs in another version it gets in its own, which comes first.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
PEERS = tuple(sorted(file.stem.removesuffix("_peer") for file in HERE.glob("*_peer.py")))
BASE = "base"
REQUIREMENTS = HERE / "requirements"
ENVIRONMENTS = HERE / ".venvs"

# They keep vectors in SQLite by an extension, which not every build of Python can load.
LOADS_EXTENSIONS = frozenset({"hebb_mind", "mcp_memory_service", "superlocalmemory"})
_LOADS = "import sqlite3; sqlite3.connect(':memory:').enable_load_extension(True)"
_PATHS = "import json, sysconfig; print(json.dumps(sysconfig.get_paths()))"


def python_of(name: str) -> Path:
    """The interpreter of an environment."""
    return ENVIRONMENTS / name / "bin" / "python"


def requirements(name: str) -> Path:
    """The file that says what an environment needs."""
    return REQUIREMENTS / f"{name}.txt"


def prepare(peers: list[str], interpreter: str) -> None:
    """Make the environments of these peers, or bring them up to date."""
    if LOADS_EXTENSIONS & set(peers) and not _runs(interpreter, _LOADS):
        needing = ", ".join(sorted(LOADS_EXTENSIONS & set(peers)))
        sys.exit(
            f"{needing}: the sqlite3 of {interpreter} cannot load extensions; name a Python that can, "
            "such as the system's: --python /usr/bin/python3"
        )
    _make(BASE, interpreter)
    _install(BASE)
    for peer in peers:
        _make(peer, interpreter)
        (_packages(peer) / "base.pth").write_text(f"{_packages(BASE)}\n", encoding="utf-8")
        _install(peer)


def _runs(interpreter: str | Path, code: str) -> bool:
    return not subprocess.run(
        [interpreter, "-c", code], capture_output=True, check=False
    ).returncode


def _make(name: str, interpreter: str) -> None:
    made = subprocess.run([interpreter, "-m", "venv", ENVIRONMENTS / name], check=False)
    if made.returncode:
        sys.exit(
            f"{interpreter} cannot make an environment; on Debian: apt-get install python3-venv"
        )


def _packages(name: str) -> Path:
    printed = subprocess.run(
        [python_of(name), "-c", _PATHS], check=True, capture_output=True, text=True
    )
    return Path(json.loads(printed.stdout)["purelib"])


def _install(name: str) -> None:
    print(f"installing {name}", flush=True)
    words = [python_of(name), "-m", "pip", "install", "--quiet", "-r", requirements(name)]
    subprocess.run(words, check=True)
