"""Infers from shared words which memories a reply used. Pure.

In a chat nobody says what served, but a reply drawn from a memory repeats its words: those in the memory
and the reply, but not in the question. A long reply is measured by how much of a memory it repeats (`used`),
an answer of a few words by how much of it a memory holds (`holding`), or by standing there as it is (`repeated`).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING

from helamem.language.sentences import is_question, sentences
from helamem.language.terms import terms_of
from helamem.models import prompts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.language.language import Language
    from helamem.records import Hit

MIN_COVERED = 0.5
CERTAINTY = 0.5  # an inferred use teaches half as much as a stated one
MIN_SHARE = 0.25
MIN_TERMS = 2


def used(
    question: str,
    reply: str,
    hits: Sequence[Hit],
    language: Language,
    *,
    min_share: float = MIN_SHARE,
) -> list[int]:
    """The ids of the hits that a reply used, in the order of the hits.

    A hit counts if the reply has at least `min_share` of its telling terms, weighted by how few of the hits have
    them, and at least two of them or one with a digit.
    """
    terms = set(terms_of(reply, language))
    return [
        hit.id
        for hit, telling in zip(hits, tellings(question, hits, language), strict=True)
        if _enough(terms & telling.keys(), telling, min_share)
    ]


def holding(question: str, answer: str, hits: Sequence[Hit], language: Language) -> list[int]:
    """The ids of the hits that hold a short answer: at least half of it, in words that tell the hits apart.

        sum over t in answer & hit of weight(t) >= 1/2 * sum over t in answer of weight(t)
        weight(t) = log(1 + n / max(n_t, 1))

    with n hits, n_t of which have the term, in their text, the dates that it means, or their time. Words of the
    question tell nothing, and one of the shared terms must be in no other session; of several hits of a session that
    hold it the first counts, since a session has one day.
    """
    answered = set(terms_of(answer, language)) - set(terms_of(question, language))
    shared = [set(terms_of(_shown(hit, language), language)) & answered for hit in hits]
    n_with = {term: sum(term in terms for terms in shared) for term in answered}
    weights = {term: math.log1p(len(hits) / max(n, 1)) for term, n in n_with.items()}
    sessions = [hit.session or hit.id for hit in hits]
    telling = {
        term
        for term in answered
        if len({where for where, terms in zip(sessions, shared, strict=True) if term in terms}) == 1
    }
    enough = MIN_COVERED * sum(weights.values())
    found: dict[str | int, int] = {}
    for hit, where, terms in zip(hits, sessions, shared, strict=True):
        if terms & telling and sum(weights[term] for term in terms) >= enough:
            found.setdefault(where, hit.id)
    return list(found.values())


def repeated(question: str, answer: str, hits: Sequence[Hit], language: Language) -> list[int]:
    """The ids of the hits that have all terms of an answer in a row, the first of each session.

    Several sessions may, so this tells what an answer rests on, not which memory it was drawn from. The terms of
    the question alone are no answer.
    """
    said = terms_of(answer, language)
    if not set(said) - set(terms_of(question, language)):
        return []
    found: dict[str | int, int] = {}
    for hit in hits:
        if _row(said) in _row(terms_of(_shown(hit, language), language)):
            found.setdefault(hit.session or hit.id, hit.id)
    return list(found.values())


def _row(terms: Sequence[str]) -> str:
    return f" {' '.join(terms)} "


def _shown(hit: Hit, language: Language) -> str:
    """What a model is shown of a hit: its text with dates, and its time."""
    text = hit.text
    if hit.kind == "episode":
        text = prompts.with_dates(text, hit.at.date(), language)
    return f"{text} {prompts.moment(hit.at)}"


def tellings(question: str, hits: Sequence[Hit], language: Language) -> list[dict[str, float]]:
    """Each hit's terms that are not in the question, with weights.

        weight(t) = log(1 + n / n_t)

    with n hits, n_t of which have the term. Questions in a hit tell nothing: an assistant asks "Is there
    anything else?" again and again.
    """
    asked = set(terms_of(question, language))
    terms = [set(terms_of(_statements(hit, language), language)) - asked for hit in hits]
    n_with = Counter(term for own in terms for term in own)
    return [{term: math.log1p(len(hits) / n_with[term]) for term in own} for own in terms]


def _statements(hit: Hit, language: Language) -> str:
    """The speaker and the statements of a hit."""
    stated = (each for each in sentences(hit.text, language) if not is_question(each, language))
    return " ".join([hit.speaker, *stated])


def _enough(shared: set[str], telling: Mapping[str, float], min_share: float) -> bool:
    if len(shared) < MIN_TERMS and not any(c.isdigit() for term in shared for c in term):
        return False
    return sum(telling[term] for term in shared) >= min_share * sum(telling.values())
