"""The information needed to reproduce a result."""

from __future__ import annotations

import math
import os
import platform
import shutil
import subprocess
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from helamem.evaluation import datasets
from helamem.models.tokens import TOKENIZER

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.config import Config
    from helamem.evaluation.datasets import Dataset
    from helamem.records import Json


def provenance(
    dataset: Dataset, *, embedder: str, command: str = "", left_out: int = 0
) -> dict[str, Json]:
    """The data, the program and the machine, as they stand in every result file.

    Args:
        left_out: How many questions of the data set cannot be scored.
    """
    return {
        "dataset": dataset.name,
        "embedder": embedder,
        "sha256": dataset.sha256,
        "published_as": dataset.published_as,
        "conversations": [outline.id for outline in dataset.outlines],
        "turns": sum(outline.turns for outline in dataset.outlines),
        "left_out": left_out,
        **dataset.changed,
        "tokenizer": TOKENIZER,
        "helamem": metadata.version("helamem"),
        "commit": _commit(),
        "command": command,
        "hardware": hardware(),
    }


def of_several(
    corpora: Sequence[Dataset], *, name: str, embedder: str, command: str = ""
) -> dict[str, Any]:
    """The same for several data sets that are measured together.

    Args:
        name: What they are called together.
    """
    first, *_ = [provenance(each, embedder=embedder, command=command) for each in corpora]
    return {
        **first,
        "dataset": name,
        "sha256": datasets.digest("".join(each.sha256 for each in corpora).encode()),
        "published_as": corpora[0].published_as if len(corpora) == 1 else None,
        "conversations": [outline.id for each in corpora for outline in each.outlines],
        "turns": sum(outline.turns for each in corpora for outline in each.outlines),
    }


def hardware() -> dict[str, Json]:
    """The machine and the numerical libraries."""
    return {
        "machine": platform.machine(),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
    }


def plain_settings(config: Config) -> dict[str, Any]:
    """All settings as strict JSON; infinity becomes "inf"."""

    def plain(value: Any) -> Any:  # noqa: ANN401  # settings are of any type
        if isinstance(value, dict):
            return {name: plain(each) for name, each in value.items()}
        return "inf" if isinstance(value, float) and math.isinf(value) else value

    settings: dict[str, Any] = plain(asdict(config))
    return settings


def _commit() -> str | None:
    """The commit of a checkout that this package runs from, with "+" where files have changed."""
    root = Path(__file__).resolve().parents[3]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        return None

    def ask(*words: str) -> str:
        answer = subprocess.run(  # noqa: S603  # fixed words
            [git, "-C", str(root), *words], capture_output=True, text=True, check=False
        )
        return answer.stdout.strip()

    changed = ask("status", "--porcelain", "--untracked-files=no", "src")
    return ask("rev-parse", "--short=12", "HEAD") + ("+" if changed else "") or None


def _processor() -> str:
    """The processor's name, if the system reports it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
