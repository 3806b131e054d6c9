"""Analysis of a question before retrieval: words, names, times, roles, and its vector."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from helamem import indexing
from helamem.frozen import dataclass
from helamem.language import dates, names, persons
from helamem.language.characters import composed
from helamem.language.terms import terms_of
from helamem.models.embedders import coverage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from helamem.language.language import Language
    from helamem.protocols import Embedder, Floats

_LOOSE = re.compile(r"[\s,.]*([.?!])(?=\s|$)")  # the end of a sentence, with the space before it
_CODE = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An analysed question.

    Attributes:
        vector: The embedding of the question without speakers' names and times, shape (dimension,). A name would
            pull towards turns addressed to the person, a time towards whatever tells one; `named` and `periods`
            match them instead.
        unnamed: Likewise without the names of others whom it is about, as in "Does Priya have a pet?"; None if it is
            about nobody.
        coverage: The share of it that the embedder can read.
        terms: Its distinct terms: first those without speakers' names, then those of the names.
        n_telling: How many of these are not of names.
        dating: Those of its terms that name a period.
        times: The expressions that name periods, in lower case.
        named: The speakers that it names, in order.
        misspelt: The terms that nearly match a speaker's name, with the speaker.
        periods: The periods that it names, as starts and ends in epoch seconds.
        of_self: Whether who asks says "I" or "my".
        asks_reply: Whether it asks for what the assistant said.
        asks_help: Whether it asks for something to be done, for which wishes from before count.
    """

    text: str
    vector: Floats
    unnamed: Floats | None
    coverage: float
    terms: tuple[str, ...]
    n_telling: int
    dating: frozenset[str]
    times: tuple[str, ...]
    named: tuple[str, ...]
    misspelt: tuple[tuple[str, str], ...]
    periods: tuple[tuple[float, float], ...]
    of_self: bool
    asks_reply: bool
    asks_help: bool


def understand(
    query: str,
    speakers: Sequence[str],
    embedder: Embedder,
    language: Language,
    *,
    at: datetime,
    names_apart: bool,
) -> Question:
    """Analyse a question, given the memory's speakers.

    Args:
        query: The question.
        speakers: The memory's speakers.
        embedder: Embeds the question.
        language: The language of the analysis.
        at: When it is asked, with the zone of its days; "yesterday" is relative to it.
        names_apart: Whether names and times are left out of the vector.
    """
    asked = without_framing(composed(query), language)
    timed = without_names(asked, speakers, language)  # June may be somebody's name
    periods = dates.periods_named(timed, at.date(), language)
    asked, bare = (dates.with_absolute_days(each, at.date(), language) for each in (asked, timed))
    telling = dict.fromkeys(terms_of(bare, language))
    words = without_code(without_times(bare, language) if names_apart else asked, language)
    times = times_named(bare, language)
    unnamed = without_subjects(words, language) if names_apart else words
    vectors = indexing.embed(embedder, list(dict.fromkeys([words, unnamed])))
    return Question(
        text=query,
        vector=vectors[0],
        unnamed=vectors[1] if unnamed != words else None,
        coverage=float(coverage(embedder, [words])[0]),
        terms=tuple(telling | dict.fromkeys(terms_of(asked, language))),
        n_telling=len(telling),
        dating=frozenset(
            term for words_of_time in times for term in terms_of(words_of_time, language)
        ),
        times=times,
        named=named(query, speakers, language),
        misspelt=_misspelt(asked, speakers, language),
        periods=tuple(period.seconds(at.tzinfo) for period in periods),
        of_self=persons.speaks_of_self(query, language, alone=True),
        asks_reply=bool(language.asks_reply.search(query)),
        asks_help=_asks_help(query, language),
    )


def telling(query: str, speakers: Sequence[str], language: Language, *, names_apart: bool) -> str:
    """The query without courtesy phrases, speakers' names, times and code; this is what gets embedded.

    >>> from helamem.language import ENGLISH
    >>> telling("Could you tell me what Ana cooks today?", ["Ana"], ENGLISH, names_apart=True)
    'what cooks ?'
    """
    asked = without_framing(composed(query), language)
    if names_apart:
        asked = without_times(without_names(asked, speakers, language), language)
    return without_code(asked, language)


def named(query: str, speakers: Sequence[str], language: Language) -> tuple[str, ...]:
    """The speakers that a query names, in order."""
    asked = composed(query)
    return tuple(dict.fromkeys(speakers[i] for *_, i in names.mentions(asked, speakers, language)))


@lru_cache(maxsize=4096)
def times_named(query: str, language: Language) -> tuple[str, ...]:
    """The expressions in a query that name periods, in lower case."""
    return tuple(each.casefold() for each in dates.words_of_time(query, language))


def without_framing(query: str, language: Language) -> str:
    """A question without phrases about the form of its answer, or about having been discussed.

    >>> from helamem.language import ENGLISH
    >>> without_framing("Could you please tell me when Ana left?", ENGLISH)
    'when Ana left?'
    >>> without_framing("Give me a short summary of the trips in our chats.", ENGLISH)
    'the trips.'
    """
    rest = query[len(courtesy[0]) :] if (courtesy := language.courtesy.match(query)) else query
    left = language.framing.sub(" ", rest)
    if left == rest:
        return rest
    tidy = _LOOSE.sub(r"\1", " ".join(left.split()))
    return tidy if terms_of(tidy, language) else rest


def without_names(query: str, speakers: Sequence[str], language: Language) -> str:
    """The query without the names of speakers and their possessives; the query itself if nothing is left.

    >>> from helamem.language import ENGLISH
    >>> without_names("What did Ana's sister tell Ben Ode?", ["Ana", "Ben Ode"], ENGLISH)
    'What did sister tell?'
    """
    kept, end = "", 0
    for start, stop, _ in names.mentions(query, speakers, language):
        kept += query[end:start].rstrip() if start > end else ""
        end = max(end, stop)
    rest = (kept + query[end:]).strip()
    return rest if terms_of(rest, language) else query


def without_subjects(query: str, language: Language) -> str:
    """The query without the names of those whom it is about; the query itself if nothing is left.

    >>> from helamem.language import ENGLISH
    >>> without_subjects("Does Priya have a pet, or Omar's sister?", ENGLISH)
    'Does have a pet, or sister?'
    """
    rest = language.subject.sub(lambda found: found[1] or "", query)
    return rest if terms_of(rest, language) else query


def without_times(query: str, language: Language) -> str:
    """The query without the periods that it names; the query itself if nothing is left."""
    rest = dates.without_times(query, language)
    return rest if terms_of(rest, language) else query


def without_code(query: str, language: Language) -> str:
    """The query without blocks of code; the query itself if nothing is left.

    >>> from helamem.language import ENGLISH
    >>> without_code("Why does it fail? ```print(x)``` It worked.", ENGLISH)
    'Why does it fail?   It worked.'
    """
    rest = _CODE.sub(" ", query)
    return rest if terms_of(rest, language) else query


def _asks_help(query: str, language: Language) -> bool:
    """Whether a query asks for something to be done, and not about what was said before."""
    looks_back = language.asks_reply.search(query) or language.framing.search(query)
    return bool(language.asks_help.search(query)) and not looks_back


def _misspelt(
    query: str, speakers: Sequence[str], language: Language
) -> tuple[tuple[str, str], ...]:
    return tuple(
        (term, speakers[i])
        for word, i in names.misspelt(query, speakers, language)
        for term in terms_of(word, language)
    )
