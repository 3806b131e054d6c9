"""Recalls that feedback is about: sent back by clients, or the latest that this process showed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

from helamem.records import Episode, direct_hit
from helamem.search.recall import CueMatch, Recall

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from helamem.server.shapes import RecallGiven

MOST = 1000  # recalls that are kept, over all namespaces


def recall_of(sent: RecallGiven) -> Recall:
    """The parts of a recall that learning needs: the question, the hits' ids and scores, and the cues.

    The question's vector is computed again.
    """
    return Recall(
        query=sent.query,
        at=sent.at,
        hits=tuple(direct_hit(_nameless(hit.id, sent.at), hit.score) for hit in sent.hits),
        cues=tuple(CueMatch(**cue.model_dump()) for cue in sent.cues),
    )


def _nameless(id_: int, at: datetime) -> Episode:
    return Episode(id=id_, text="", speaker="", role="", session="", at=at, stored_at=at)


class LatestRecalls:
    """The latest recalls, by namespace and question. May be used from several threads."""

    def __init__(self) -> None:
        self._recalls: OrderedDict[tuple[str, str], Recall] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, namespace: str, recall: Recall) -> None:
        """Keep what was shown, in place of an earlier recall for the same question."""
        key = (namespace, _words(recall.query))
        with self._lock:
            self._recalls.pop(key, None)
            self._recalls[key] = recall
            if len(self._recalls) > MOST:
                self._recalls.popitem(last=False)

    def find(self, namespace: str, question: str, ids: Collection[int]) -> Recall | None:
        """The recall for a question; if there is none, the latest one that showed any of these memories."""
        with self._lock:
            recall = self._recalls.get((namespace, _words(question)))
            if recall is not None:
                return recall
            latest = reversed(self._recalls.items())
            shown = (each for (where, _), each in latest if where == namespace)
            return next((each for each in shown if not set(ids).isdisjoint(each.ids)), None)


def _words(question: str) -> str:
    return " ".join(question.casefold().split())
