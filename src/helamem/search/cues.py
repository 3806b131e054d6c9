"""Earlier questions ("cues"): their similarity to a new one, and what they contribute.

A cue is bound to the memories that served it. Nothing else in search or learning interprets cues; the
formulas are in `helamem.core.cues`.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from helamem.core import cues as formulas
from helamem.core import lexical
from helamem.core.spreading import Arrivals
from helamem.frozen import dataclass
from helamem.language import language_named
from helamem.language.terms import terms_of
from helamem.protocols import CHANNELS
from helamem.search import questions
from helamem.search.recall import CueMatch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.config import Config, Cues
    from helamem.core.arrays import Bools, Floats, Ints
    from helamem.language.language import Language
    from helamem.protocols import Edges, FoundCues, Postings
    from helamem.records import Channel
    from helamem.search.questions import Question

PROBABLE = 0.5  # a cue above this is more likely the same need than not
# The channels of activation: stored ones, and bindings of cues.
ROUTES: tuple[Channel, ...] = (*CHANNELS, "cue")
CUE = ROUTES.index("cue")


@dataclass(frozen=True, slots=True, eq=False)
class NearCues:
    """The earlier questions nearest to a new one.

    Attributes:
        ids: Ascending.
        cosine: Shape (c,): cosine with the question, lowered for different speakers and times.
        similarity: Shape (c,): similarity by meaning and words, lowered likewise.
        recognized: Shape (c,): probability of being the same need, with the bar for any place.
        familiar: Shape (c,): the same with the lower bar, for places after the direct ones.
    """

    ids: Ints
    cosine: Floats
    similarity: Floats
    recognized: Floats
    familiar: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Lent:
    """The contribution of earlier questions to the memories of a region.

    Attributes:
        recognized: Shape (n,): the contribution of recognized cues, which counts for any place.
        received: Shape (n,): total contribution of cues, including merely familiar or related ones.
        arrivals: What is received, binding by binding; the source of cue i is n + i.
    """

    recognized: Floats
    received: Floats
    arrivals: Arrivals


def compare(
    question: Question,
    found: FoundCues,
    *,
    postings: Postings,
    speakers: tuple[str, ...],
    config: Config,
) -> NearCues:
    """The similarity of each cue to a question, and the probability of the same need.

    Args:
        question: The new question.
        found: The cues.
        postings: The occurrences of the question's terms.
        speakers: All speakers.
        config: The settings.
    """
    meaning, language = np.maximum(found.cosines, 0.0), language_named(config.language)
    factor = np.array(
        [
            formulas.naming_factor(question.named, _named(text, speakers, language))
            * formulas.naming_factor(question.times, questions.times_named(text, language))
            for text in found.texts
        ]
    )
    share = config.cues.words if question.n_telling else 0.0
    both = (1 - share) * meaning + share * _shared_words(found.texts, question, postings, language)
    similarity, read = both * factor, config.cues
    return NearCues(
        found.ids,
        cosine=meaning * factor,
        similarity=similarity,
        recognized=formulas.recognition(similarity, even=read.recognized_at, step=read.step),
        familiar=formulas.recognition(similarity, even=read.familiar_at, step=read.step),
    )


def lend(near: NearCues, edges: Edges, targets: Ints, similarity: Floats, config: Cues) -> Lent:
    """The contribution of cues to each memory of a region: for the same need, or for a related one.

    At most one cue is the same need, so contributions for that add up; those of cues that are merely
    related and agree do not.

    Args:
        near: The cues.
        edges: The region's edges; those of cues are their bindings.
        targets: The local index of each edge's target; -1 outside of the region.
        similarity: Shape (n,): each memory's cosine with the question.
        config: The settings.
    """
    n = len(similarity)
    rows = np.flatnonzero(np.isin(edges.sources, near.ids) & (targets >= 0))
    memory, cue = targets[rows], np.searchsorted(near.ids, edges.sources[rows])
    weights = np.asarray(edges.weights[rows], np.float64)
    related = formulas.relative_similarity(
        near.cosine, float(similarity.max(initial=0.0)), power=config.power
    )
    recognized = config.recognition * weights * near.recognized[cue]
    familiar = config.recognition * weights * near.familiar[cue]
    associated = config.association * weights * related[cue]
    as_same = formulas.expected(memory, familiar, n)
    as_related = formulas.strongest(memory, associated, n)
    strongest = np.where(_first_that_reaches(as_related, memory, associated), associated, 0.0)
    amounts = np.where((as_same >= as_related)[memory], familiar, strongest)
    arrivals = Arrivals(n + cue, memory, np.full(len(rows), CUE), weights, amounts)
    return Lent(
        recognized=formulas.expected(memory, recognized, n),
        received=np.maximum(as_same, as_related),
        arrivals=arrivals.take(np.flatnonzero(amounts)),
    )


def recognition(near: NearCues, edges: Edges, memories: Ints) -> float:
    """The probability that some memories served the question's need before.

        sum over cues of  P(the same need) * weight of the cue's strongest binding to one of them

    The weight is how sure it is that they served: less if that was a guess, long ago, or refuted since.
    """
    bindings = np.isin(edges.sources, near.ids) & np.isin(edges.targets, memories)
    at = np.searchsorted(near.ids, edges.sources[bindings])
    strongest = formulas.strongest(at, edges.weights[bindings], len(near.ids))
    return float(np.clip((near.recognized * strongest).sum(), 0.0, 1.0))


def matches(near: NearCues) -> tuple[CueMatch, ...]:
    """The cues as a recall shows them, most similar first."""
    return tuple(
        CueMatch(
            id=int(near.ids[i]),
            similarity=float(near.similarity[i]),
            probability=float(near.familiar[i]),
        )
        for i in np.lexsort((near.ids, -near.similarity))
    )


def same_question(found: Sequence[CueMatch], *, least: float) -> int | None:
    """The cue with nearly the same words; None if there is none.

    Args:
        found: The cues, most similar first.
        least: The least similarity of the same question.
    """
    return found[0].id if found and found[0].similarity >= least else None


def probably_same(found: Sequence[CueMatch]) -> list[int]:
    """The cues that are more likely the same need than not."""
    return [cue.id for cue in found if cue.probability >= PROBABLE]


def _shared_words(
    texts: Sequence[str], question: Question, postings: Postings, language: Language
) -> Floats:
    """The share of the information in the question's words, names apart, that each cue has.

    A word that no memory has weighs as much as the rarest: it may make it another need.
    """
    n_documents = max(postings.n_documents, 1)
    telling = question.terms[: question.n_telling]
    frequency = np.maximum(postings.document_frequency[: len(telling)], 1)
    idf = lexical.inverse_document_frequency(frequency, n_documents)
    present = np.array(
        [[term in _terms(text, language) for term in telling] for text in texts], np.bool_
    )
    return lexical.telling_share(present.reshape(len(texts), len(idf)), idf)


@lru_cache(maxsize=4096)
def _terms(text: str, language: Language) -> frozenset[str]:
    return frozenset(terms_of(text, language))


@lru_cache(maxsize=4096)
def _named(text: str, speakers: tuple[str, ...], language: Language) -> tuple[str, ...]:
    return questions.named(text, speakers, language)


def _first_that_reaches(most: Floats, targets: Ints, amounts: Floats) -> Bools:
    """Of the bindings of each memory, the first of those with the largest amount."""
    reaching = np.flatnonzero(amounts == most[targets])
    first = np.zeros(len(amounts), np.bool_)
    first[reaching[np.unique(targets[reaching], return_index=True)[1]]] = True
    return first
