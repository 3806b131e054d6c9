"""A question as it is understood, before anything is looked up: words, names, dates, and its vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from helamem import indexing
from helamem.language import dates, names
from helamem.language.breadth import breadth
from helamem.language.characters import composed
from helamem.language.english import ENGLISH
from helamem.language.terms import count_words, terms_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.language.dates import NamedDate
    from helamem.language.language import Language
    from helamem.protocols import Embedder, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        vector: The embedding of the question without its speakers' names, shape (dimension,). A name in
            the question pulls towards every turn that is addressed to the person; who is meant is
            matched by `named` instead.
        terms: Its different terms, in order, without these names.
        named: The speakers whom it names, in the order in which it does.
        dates: The dates that it names.
        asks_when: Whether it asks for a time.
        breadth: How much it asks for: near 0 for one thing, near 1 for all of a kind.
    """

    text: str
    vector: Floats
    terms: tuple[str, ...]
    named: tuple[str, ...]
    dates: tuple[NamedDate, ...]
    asks_when: bool
    breadth: float


def understand(
    query: str,
    speakers: Sequence[str],
    embedder: Embedder,
    language: Language,
    *,
    names_apart: bool,
) -> Question:
    """Read a question against the speakers whom the memory knows.

    Args:
        query: The question.
        speakers: The memory's speakers.
        embedder: What gives the question its vector.
        language: What it is read with.
        names_apart: Whether the names of speakers are left out of words and vector.
    """
    words = telling(query, speakers, language, names_apart=names_apart)
    return Question(
        text=query,
        vector=indexing.embed(embedder, [words])[0],
        terms=tuple(dict.fromkeys(terms_of(words, language))),
        named=named(query, speakers, language),
        dates=tuple(dates.dates_named(words, language)),
        asks_when=dates.asks_when(words, language),
        breadth=breadth(words, count_words(words, language), language),
    )


def telling(
    query: str, speakers: Sequence[str], language: Language = ENGLISH, *, names_apart: bool
) -> str:
    """The words of a query that tell what is asked; they are what is embedded, searched for and kept in a cue.

    >>> telling("Could you tell me what Ana cooks?", ["Ana"], names_apart=True)
    'what cooks?'
    """
    asked = without_courtesy(composed(query), language)
    return without_names(asked, speakers, language) if names_apart else asked


def named(query: str, speakers: Sequence[str], language: Language = ENGLISH) -> tuple[str, ...]:
    """The speakers whom a query names, the first named first."""
    asked = composed(query)
    return tuple(dict.fromkeys(speakers[i] for *_, i in names.mentions(asked, speakers, language)))


def without_courtesy(query: str, language: Language = ENGLISH) -> str:
    """A question without the phrase that only asks to be told.

    >>> without_courtesy("Could you please tell me when Ana left?")
    'when Ana left?'
    """
    return query[len(courtesy[0]) :] if (courtesy := language.courtesy.match(query)) else query


def without_names(query: str, speakers: Sequence[str], language: Language = ENGLISH) -> str:
    """The query without the names of speakers and their possessives; the query itself if nothing is left.

    >>> without_names("What did Ana's sister tell Ben Ode?", ["Ana", "Ben Ode"])
    'What did sister tell?'
    """
    kept, end = "", 0
    for start, stop, _ in names.mentions(query, speakers, language):
        kept += query[end:start].rstrip() if start > end else ""
        end = max(end, stop)
    rest = (kept + query[end:]).strip()
    return rest if terms_of(rest, language) else query
