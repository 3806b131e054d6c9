"""A question as it is understood, before anything is looked up: words, names, dates, and its vector."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from helamem import dates, ingestion, text
from helamem.breadth import breadth

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.dates import NamedDate
    from helamem.protocols import Embedder, Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked.

    Attributes:
        vector: The embedding of the question without its speakers' names, shape (dimension,). A name in
            the question pulls towards every turn that is addressed to the person; who is meant is
            matched by `named` instead.
        terms: Its different terms, in order, without these names.
        named: Which of the memory's speakers it names, in the order in which it does.
        dates: The dates that it names.
        asks_when: Whether it asks for a time.
        breadth: How much it asks for: near 0 for one thing, near 1 for all of a kind.
    """

    text: str
    vector: Floats
    terms: tuple[str, ...]
    named: tuple[int, ...]
    dates: tuple[NamedDate, ...]
    asks_when: bool
    breadth: float


def understand(
    query: str, speakers: Sequence[str], embedder: Embedder, *, names_apart: bool
) -> Question:
    """Read a question against the speakers whom the memory knows.

    Args:
        query: The question.
        speakers: The memory's speakers; `Question.named` points into them.
        embedder: What gives the question its vector.
        names_apart: Whether the names of speakers are left out of words and vector.
    """
    named = in_order(query, speakers)
    words = without_speakers(query, speakers) if names_apart else query
    terms = tuple(dict.fromkeys(text.terms(words)))
    return Question(
        text=query,
        vector=ingestion.embed(embedder, [words], [""])[0],
        terms=terms,
        named=named,
        dates=tuple(dates.dates_named(query)),
        asks_when=dates.asks_when(query),
        breadth=breadth(query, len(terms)),
    )


def without_speakers(query: str, speakers: Sequence[str]) -> str:
    """The query without the names of those speakers whom it names: what is embedded of it."""
    return without_names(query, [speakers[i] for i in in_order(query, speakers)])


def in_order(query: str, speakers: Sequence[str]) -> tuple[int, ...]:
    """Indices of the speakers whom the query names, the first named first."""
    named = [i for i, is_named in enumerate(text.speakers_named(query, speakers)) if is_named]
    folded = query.casefold()

    def place(i: int) -> int:
        found = [folded.find(word) for word in speakers[i].casefold().split()]
        return min((at for at in found if at >= 0), default=len(folded))

    return tuple(sorted(named, key=place))


def without_names(query: str, names: Sequence[str]) -> str:
    """The query without these names and their possessives; the query itself if nothing else is in it.

    >>> without_names("What did Ana's sister tell Ben Ode?", ["Ana", "Ben Ode"])
    'What did sister tell?'
    """
    words = sorted({word for name in names for word in name.split()}, key=len, reverse=True)
    if not words:
        return query
    pattern = rf"\s*\b(?:{'|'.join(map(re.escape, words))})\b(?:['\u2019]s)?"
    rest = re.sub(pattern, "", query, flags=re.IGNORECASE).strip()
    return rest if text.terms(rest) else query
