"""The sentences of a cluster that are worth keeping as they were said. Pure.

A highlight stands by itself: it says who spoke, leaves no "she" or "that" open, and has its date where
it counts from the day on which it was said.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from helamem.consolidation.distiller import Draft
from helamem.consolidation.grounding import who
from helamem.core import vectors
from helamem.language import dates, names, persons
from helamem.language.english import ENGLISH, MONTHS
from helamem.language.sentences import is_question, opens_sentence, sentences
from helamem.language.terms import TOKEN, folded, terms_of, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.language.language import Language
    from helamem.protocols import Floats
    from helamem.records import Episode

MIN_TERMS = 3
ALIKE = (
    0.6  # the share of their terms from which on two statements of one speaker are about the same
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A statement out of an episode."""

    text: str
    episode: Episode


def statements(cluster: Sequence[Episode], language: Language = ENGLISH) -> list[Sentence]:
    """The sentences of a cluster that say something, and can be understood without the others."""
    known = _names(cluster, language)
    return [
        Sentence(text=sentence, episode=episode)
        for episode in cluster
        for sentence in sentences(episode.text, language)
        if _stands_alone(sentence, language) and _tells(sentence, known, language)
    ]


def highlights(found: Sequence[Sentence], embedded: Floats, *, most: int) -> list[Draft]:
    """The statements nearest to what a cluster is about, one per draft, in the order of time.

    Args:
        found: What `statements` gave.
        embedded: Their unit vectors, shape (n, dimension).
        most: How many at most.
    """
    if not found:
        return []
    mean = vectors.normalize(embedded.mean(axis=0, keepdims=True))[0]
    central = vectors.similarities(mean, embedded)
    order = sorted(range(len(found)), key=lambda i: (-float(central[i]), i))
    chosen: list[Sentence] = []
    for i in order:
        if len(chosen) < most and all(found[i].text != each.text for each in chosen):
            chosen.append(found[i])
    return [_draft(each) for each in sorted(chosen, key=lambda each: each.episode.at)]


def about_the_same(one: str, other: str, language: Language = ENGLISH) -> bool:
    """Whether two statements share most of their terms, so that the newer one takes the older one's place.

    >>> about_the_same("Ana: I work at the library.", "Ana: I work at the new library.")
    True
    """
    terms, others = set(terms_of(one, language)), set(terms_of(other, language))
    return len(terms & others) >= ALIKE * len(terms | others)


def _stands_alone(sentence: str, language: Language) -> bool:
    return not (
        is_question(sentence, language)
        or language.pleasantry.match(sentence)
        or persons.addresses(sentence, language)
        or persons.leaves_open(sentence, language)
        or (
            persons.mentions_others(sentence, language)
            and not names.names_something(sentence, language)
        )
    )


def _tells(sentence: str, known: frozenset[str], language: Language) -> bool:
    """Whether a sentence says enough, and something of somebody, of a place or of an amount."""
    if len(set(terms_of(sentence, language))) < MIN_TERMS:
        return False
    return (
        not language.first_person
        or persons.speaks_of_self(sentence, language)
        or names.names_something(sentence, language)
        or not known.isdisjoint(words_of(sentence, language))
        or any(letter.isdecimal() for letter in sentence)
    )


def _names(cluster: Sequence[Episode], language: Language) -> frozenset[str]:
    """The names that a cluster shows to be names, so that one is known where it opens a sentence."""
    found = {word for episode in cluster for word in words_of(episode.speaker, language)}
    for text in (folded(episode.text, language) for episode in cluster):
        found |= {
            token[0].casefold()
            for token in TOKEN.finditer(text)
            if token[0].istitle() and not opens_sentence(text, token.start())
        }
    return frozenset(found - language.stop_words)


def _draft(said: Sentence) -> Draft:
    speaker, at = who(said.episode), said.episode.at
    open_in_time = dates.names_time(said.text) and not dates.names_year(said.text)
    when = f"{at.day} {MONTHS[at.month - 1]} {at.year}" if open_in_time else ""
    heading = ", ".join(part for part in (speaker, when) if part)
    return Draft(
        text=f"{heading}: {said.text}" if heading else said.text,
        kind="statement",
        confidence=1.0,  # the words are the speaker's own
        sources=(said.episode.id,),
        speaker=said.episode.speaker,
        at=at,
    )
