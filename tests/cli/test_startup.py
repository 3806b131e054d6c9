"""What a short command loads: modules, not milliseconds, since a test knows nothing of the machine."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from helamem import Memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

TABLES = {"rich", "markdown_it", "pygments"}
NETWORK = {"httpx", "openai", "ssl", "urllib.request"}
SERVERS = {"asyncio", "fastapi", "mcp", "prometheus_client", "pydantic", "starlette", "uvicorn"}
MODELS = {"onnxruntime", "safetensors", "sentence_transformers", "tokenizers", "wordllama"}
OTHERS = {
    "importlib.metadata",
    "importlib.resources",
    "matplotlib",
    "numpy.ma",
    "scipy",
    "tomllib",
    "zoneinfo",
}
OURS = {
    "helamem.answering.chat",
    "helamem.consolidation.consolidate",
    "helamem.erasing",
    "helamem.evaluation",
    "helamem.exchange.restoring",
    "helamem.models.openai_chat",
    "helamem.models.rerankers",
    "helamem.reindexing",
    "helamem.reports",
    "helamem.server",
}
HEAVY = TABLES | NETWORK | SERVERS | MODELS | OTHERS | OURS
# Run the commands, then say what is loaded; the commands print first.
CODE = """
import json, sys
from helamem.cli import main
for arguments in json.loads(sys.argv[1]):
    main(arguments, standalone_mode=False)
print(*sys.modules)
"""


def loaded(home: Path, *commands: Sequence[str], said: str = "") -> set[str]:
    """The modules that are loaded after commands have run."""
    ran = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(commands)],
        input=said,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={"HELAMEM_HOME": str(home), "PATH": "/usr/bin:/bin", "PYTHONPATH": ":".join(sys.path)},
        cwd=home,
        check=True,
    )
    return set(ran.stdout.splitlines()[-1].split())


@pytest.fixture
def home(tmp_path: Path) -> Path:
    with Memory(tmp_path / "memory.db") as memory:
        memory.add("Maya is allergic to peanuts.", speaker="Ana")
    return tmp_path


def test_a_search_loads_only_what_it_needs(home: Path) -> None:
    assert set() == HEAVY & loaded(home, ["search", "What should I not cook for Maya?"])


def test_a_hook_without_a_resident_process_loads_only_what_it_needs(home: Path) -> None:
    prompt = json.dumps({"session_id": "s", "prompt": "What should I not cook for Maya?"})

    assert set() == HEAVY & loaded(home, ["--file", "memory.db", "hook", "prompt"], said=prompt)
    assert not (home / "hooks.log").exists()


def test_a_hook_before_anything_is_remembered_loads_no_memory(tmp_path: Path) -> None:
    given = json.dumps({"session_id": "s", "source": "startup"})

    found = loaded(tmp_path, ["hook", "session-start"], said=given)

    assert set() == {"helamem.config", "helamem.engine", "numpy", "sqlite3", *HEAVY} & found


def test_help_needs_no_arrays(tmp_path: Path) -> None:
    asked = ["--help"], ["search", "--help"], ["config", "--help"]

    assert set() == {"helamem.engine", "numpy", "sqlite3"} & loaded(tmp_path, *asked)
