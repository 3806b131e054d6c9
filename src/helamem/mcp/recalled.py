"""The latest recalls of a server, so that feedback teaches about what was shown."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from helamem.search.recall import Recall

MOST = 100  # recalls that are kept, over all namespaces


class Recalled:
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
