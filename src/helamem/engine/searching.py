"""Searching, and learning from what served."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from helamem import arguments, indexing, tracing
from helamem.engine.base import Base
from helamem.hints import helpful
from helamem.language.characters import clean
from helamem.learning import lessons
from helamem.search import questions, reranking, search
from helamem.search.recall import Recall

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from helamem.protocols import Floats, Learned, Store
    from helamem.records import Json
    from helamem.reports import Reinforcement
    from helamem.search.recall import CueMatch

logger = logging.getLogger(__name__)

MAX_QUERY = 1_000_000  # characters


@helpful
class Searching(Base):
    """The methods that search, and learn from what served."""

    def search(
        self,
        query: str,
        *,
        k: int = 10,
        filters: Mapping[str, Json] | None = None,
        at: datetime | None = None,
        min_confidence: float = 0.0,
    ) -> Recall:
        """The memories that belong to a question, best first. Writes nothing.

        Args:
            query: A question, or any text.
            k: The number of hits; learned associations may add a few (`selection.associative`).
            filters: Conditions on metadata, speaker, session, role, kind or time, as in
                {"speaker": "Ana", "at": {"gte": "2024-01-01T00:00:00Z"}}.
            at: When the question is asked, for ages and relative dates; now by default.
            min_confidence: Least probability, in [0, 1], that the hits hold an answer
                (`Recall.confidence`). Below it there are no hits, and a note says so.

        Raises:
            TypeError, ValueError: The query is not text or blank, k is below 1, a filter is malformed, or
                `min_confidence` is not in [0, 1].
            ProviderError: The embedder or the reranker failed.
        """
        query = clean(_question(query))[0]
        k = arguments.count("k", k, least=1)
        asked_at = self.now() if at is None else self._local(at)
        with tracing.span("search", k=k) as span:
            recall = search.search(
                *self._parts,
                self._config,
                query,
                k=max(k, self._pool),
                where=self._filter(filters),
                at=asked_at,
                min_confidence=arguments.fraction("min_confidence", min_confidence),
            )
            if self._reranker is not None:
                recall = reranking.reranked(recall, self._reranker, k)
            span.note(hits=len(recall.hits), confidence=recall.confidence)
            span.steps({f"search.{step}": took for step, took in recall.milliseconds.items()})
        logger.info(
            "found %d memories in %.1f ms", len(recall.hits), sum(recall.milliseconds.values())
        )
        return recall

    @property
    def _pool(self) -> int:
        """How many hits the reranker reads at least; 0 if there is none."""
        return 0 if self._reranker is None else self._config.reranking.pool

    def _vector_of(self, query: str) -> Floats:
        """The vector with which `search` looks for a question, for a recall that lacks it."""
        words = questions.telling(
            query,
            self._store.speakers(),
            self._language,
            names_apart=self._config.activation.names_apart,
        )
        vector: Floats = indexing.embed(self._embedder, [words])[0]
        return vector

    @tracing.traced("reinforce")
    def reinforce(
        self,
        recall: Recall,
        used: Iterable[int] | None = None,
        *,
        unhelpful: Iterable[int] = (),
        certainty: float = 1.0,
        at: datetime | None = None,
    ) -> Reinforcement:
        """Learn which memories served: link them to each other and to the question.

        Args:
            recall: What `search` returned.
            used: The ids of the memories that served the answer. With `learning.gate = "returned"`
                (the paper's rule) it may be omitted, and means all that were returned.
            unhelpful: The ids of misleading hits; edges that may have led to them are weakened.
            certainty: The probability that they served, in (0, 1]: 1 if somebody said so, less if it
                is inferred.
            at: When it is learned; now by default.

        Raises:
            TypeError: `recall` is not a Recall, or `used` or `unhelpful` is not a list of ids.
            ValueError: `used` is missing, or an id is both used and unhelpful.
            NotFoundError: An id is not in this namespace; nothing was learned.
        """
        if not isinstance(recall, Recall):
            raise TypeError(
                f"reinforce takes what `search` returned, not {type(recall).__name__}: "
                "`recall = memory.search(...)`"
            )
        certainty = arguments.certainty(certainty)
        if not len(recall.vector):
            recall = replace(recall, vector=self._vector_of(recall.query))
        served, misled = self._check_ids(recall, used, unhelpful)
        now = self._clock() if at is None else self._local(at).timestamp()
        learned = self._learn(recall, served, misled, certainty=certainty, now=now)
        from helamem.reports import Reinforcement

        return Reinforcement(
            cue=learned.cue,
            strengthened=learned.strengthened,
            bound=learned.bound,
            weakened=learned.weakened,
            lesson=learned.step,
        )

    def _learn(
        self,
        recall: Recall,
        served: Sequence[int],
        misled: Sequence[int],
        *,
        certainty: float,
        now: float,
    ) -> Learned:
        """Apply a lesson, if all its memories are there."""
        with self._store.transaction() as inside:
            inside.get([*served, *misled])
            lesson = lessons.lesson(
                replace(recall, cues=_surviving_cues(inside, recall.cues)),
                used=served,
                unhelpful=misled,
                certainty=certainty,
                config=self._config,
                at=now,
                lessons=inside.lessons(),
            )
            return inside.learn(lesson)

    def _check_ids(
        self, recall: Recall, used: Iterable[int] | None, unhelpful: Iterable[int]
    ) -> tuple[list[int], list[int]]:
        if used is None and self._config.learning.gate == "used":
            raise ValueError(
                "say which memories served: reinforce(recall, used=[hit.id, ...]); linking "
                "everything that was returned does harm (to do so anyway, set learning.gate = "
                "'returned')"
            )
        served = arguments.ids("used", recall.ids if used is None else used)
        misled = arguments.ids("unhelpful", unhelpful)
        both = set(served) & set(misled)
        if both:
            raise ValueError(
                f"memory {min(both)} is in both `used` and `unhelpful`; give it in one of them"
            )
        return served, misled


def _question(query: object) -> str:
    question = arguments.text("query", query, "ask something")
    if len(question) > MAX_QUERY:
        raise ValueError(
            f"query has {len(question):,} characters, and may have {MAX_QUERY:,}; ask with a part of it"
        )
    return question


def _surviving_cues(store: Store, cues: Sequence[CueMatch]) -> tuple[CueMatch, ...]:
    """The cues that still exist: a cue goes with the last memory that it is bound to."""
    ids = np.array([cue.id for cue in cues], np.int64)
    left = {id_ for id_, *_ in store.cues(ids)}
    return tuple(cue for cue in cues if cue.id in left)
