"""The default places of memories. Quick to import, since every hook needs it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from helamem import private

if TYPE_CHECKING:
    from collections.abc import Mapping

IN_RAM = ":memory:"  # in place of a path: a memory in RAM, gone when it is closed


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder for memories without a path: HELAMEM_HOME, or the user's data folder."""
    home = environ.get("HELAMEM_HOME")
    if home:
        return private.expanded(home)
    import platformdirs  # noqa: PLC0415  # slow

    return Path(platformdirs.user_data_dir("helamem", appauthor=False))


def default_path() -> Path:
    """The default path of a memory."""
    return data_folder() / "memory.db"
