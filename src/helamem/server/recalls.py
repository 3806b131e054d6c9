"""Recalls sent back by clients, so that the server need not store its answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.records import Episode, Hit, Parts
from helamem.search.recall import CueMatch, Recall

if TYPE_CHECKING:
    from helamem.server.shapes import RecallGiven


def recall_of(given: RecallGiven) -> Recall:
    """The parts of a recall that learning needs: the question, the hits' ids and scores, and the cues.

    The question's vector is computed again.
    """
    return Recall(
        query=given.query,
        at=given.at,
        hits=tuple(_hit(each.id, each.score, given) for each in given.hits),
        cues=tuple(CueMatch(**cue.model_dump()) for cue in given.cues),
        vector=np.empty(0, np.float32),
    )


def _hit(id_: int, score: float, given: RecallGiven) -> Hit:
    memory = Episode(
        id=id_, text="", speaker="", role="", session="", at=given.at, stored_at=given.at
    )
    return Hit(
        memory=memory,
        score=score,
        path="direct",
        parts=Parts(base=score, base_terms={}, received={}),
    )
