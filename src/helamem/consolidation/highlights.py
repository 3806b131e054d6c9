"""The sentences of a cluster that are worth keeping word for word. Pure.

A highlight makes sense by itself: it names its speaker, leaves no "she" or "that" open, and has its date if it is
relative to the day on which it was said.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helamem.consolidation.distiller import Draft
from helamem.consolidation.grounding import spoken_sentences, who
from helamem.core import vectors
from helamem.frozen import dataclass
from helamem.language import dates, names, persons
from helamem.language.english import MONTHS
from helamem.language.sentences import is_question, opens_sentence
from helamem.language.terms import folded, terms_of, token_matches, tokens_of, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.language.language import Language
    from helamem.protocols import Floats
    from helamem.records import Episode

MIN_TERMS = 3
MAX_LENGTH = 300  # characters
SAME = 0.9  # the cosine from which on two statements say the same
ANTECEDENT = 3  # terms before an "it" among which it may find what it stands for
# Markup, formulas, code, items of a list: none of them is understood alone.
_NOT_PROSE = re.compile(r"[{}<>\\`|=]|\*\*|/\*|\*/|\w_\w|\w\(|;$|^\s*(?://|[-*#\u2022])|\$(?!\d)")
ALIKE = 0.6  # least share of common terms of two statements about the same thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A statement out of an episode."""

    text: str
    episode: Episode


def statements(cluster: Sequence[Episode], language: Language) -> list[Sentence]:
    """The sentences of a cluster that say something and make sense by themselves."""
    known = _names(cluster, language)
    return [
        Sentence(text=sentence, episode=episode)
        for episode in cluster
        for sentence in spoken_sentences(episode, language)
        if _is_prose(sentence)
        and _stands_alone(sentence, language)
        and _tells(sentence, episode.role, known, language)
    ]


def highlights(
    found: Sequence[Sentence], embedded: Floats, language: Language, *, most: int
) -> list[Draft]:
    """The statements nearest to the topic of a cluster, one per draft, in the order of time.

    Args:
        found: From `statements`.
        embedded: Their unit vectors, shape (n, dimension).
        most: The most drafts.
    """
    if not found:
        return []
    mean = vectors.normalize(embedded.mean(axis=0, keepdims=True))[0]
    central = vectors.similarities(mean, embedded)
    order = sorted(range(len(found)), key=lambda i: (-float(central[i]), i))
    chosen: list[int] = []
    for i in order:
        repeats = any(float(embedded[i] @ embedded[j]) >= SAME for j in chosen)
        if len(chosen) < most and not repeats:
            chosen.append(i)
    in_order = sorted((found[i] for i in chosen), key=lambda each: each.episode.at)
    return [_draft(sentence, language) for sentence in in_order]


def about_the_same(one: str, other: str, language: Language) -> bool:
    """Whether two statements share most of their terms, so that the newer one supersedes the older.

    >>> from helamem.language import ENGLISH
    >>> about_the_same("Ana: I work at the library.", "Ana: I work at the new library.", ENGLISH)
    True
    """
    terms, others = set(terms_of(one, language)), set(terms_of(other, language))
    return len(terms & others) >= ALIKE * len(terms | others)


def _is_prose(sentence: str) -> bool:
    cut_off = sentence.endswith(":")
    return len(sentence) <= MAX_LENGTH and not cut_off and not _NOT_PROSE.search(sentence)


def _stands_alone(sentence: str, language: Language) -> bool:
    return not (
        is_question(sentence, language)
        or language.pleasantry.match(sentence)
        or language.showing.search(sentence)
        or persons.addresses(sentence, language)
        or persons.leaves_open(sentence, language)
        or _refers_back(sentence, language)
    )


def _refers_back(sentence: str, language: Language) -> bool:
    """Whether a sentence says "she" before any name, "this" without one, or "it" at its end or before much else."""
    plain = folded(sentence, language)
    named, pointed, terms = False, False, 0
    word = ""
    for token in token_matches(plain):
        word = token[0].casefold()
        unnamed = word in language.third_person and not named
        unsaid = word in language.neuter and terms < ANTECEDENT
        if unnamed or unsaid:
            return True
        pointed |= word in language.demonstrative
        named |= names.is_capital(token, plain, language)
        called = token.start() == 0 and plain[token.end() : token.end() + 1] == ","
        terms += word not in language.stop_words and not called
    return (pointed and not named) or word in language.neuter


def _is_known(word: str, known: frozenset[str]) -> bool:
    """Whether a word is written as a name, and is one of the cluster."""
    return word[0].isupper() and word.casefold() in known


def _tells(sentence: str, role: str, known: frozenset[str], language: Language) -> bool:
    """Whether a sentence is long enough, and mentions a person, a place or an amount.

    What an assistant explains is no memory of anybody, and an exclamation about others is applause.
    """
    if len(set(terms_of(sentence, language))) < MIN_TERMS:
        return False
    if role == "assistant":
        return not language.first_person or persons.speaks_of_self(sentence, language, alone=True)
    if not language.first_person or persons.speaks_of_self(sentence, language):
        return True
    if sentence.endswith("!"):
        return False
    return (
        names.names_something(sentence, language)
        or any(_is_known(word, known) for word in tokens_of(folded(sentence, language)))
        or any(letter.isdecimal() for letter in sentence)
    )


def _names(cluster: Sequence[Episode], language: Language) -> frozenset[str]:
    """The names in a cluster, by capitals inside sentences, so that they are known at the start of one."""
    found = {word for episode in cluster for word in words_of(episode.speaker, language)}
    for text in (folded(episode.text, language) for episode in cluster):
        found |= {
            token[0].casefold()
            for token in token_matches(text)
            if token[0].istitle() and not opens_sentence(text, token.start())
        }
    return frozenset(found - language.stop_words)


def _draft(sentence: Sentence, language: Language) -> Draft:
    speaker, at = who(sentence.episode), sentence.episode.at
    open_in_time = dates.names_time(sentence.text, language) and not dates.names_year(sentence.text)
    when = f"{at.day} {MONTHS[at.month - 1]} {at.year}" if open_in_time else ""
    heading = ", ".join(part for part in (speaker, when) if part)
    return Draft(
        text=f"{heading}: {sentence.text}" if heading else sentence.text,
        kind="statement",
        confidence=1.0,  # the words are the speaker's own
        sources=(sentence.episode.id,),
        speaker=sentence.episode.speaker,
        at=at,
    )
