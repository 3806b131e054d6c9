"""Deleting memories that other processes may delete at the same time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from helamem.engine import Engine
    from helamem.records import Episode, Fact


def deleted(memory: Engine, memories: Iterable[Episode | Fact]) -> bool:
    """Delete memories, all or none; False if one of them is gone already."""
    try:
        memory.delete(*(each.id for each in memories))
    except NotFoundError:
        return False
    return True
