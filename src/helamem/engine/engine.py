"""`Engine`: the use cases on any store, embedder and clock."""

from __future__ import annotations

from helamem.engine.editing import Editing
from helamem.engine.moving import Moving
from helamem.engine.searching import Searching
from helamem.engine.tending import Tending
from helamem.hints import helpful


@helpful
class Engine(Searching, Tending, Editing, Moving):
    """One namespace's memory, on a store, an embedder and a clock.

    May be used from several threads. `search` writes nothing; the memory learns when `reinforce` is told
    which memories served.
    """
