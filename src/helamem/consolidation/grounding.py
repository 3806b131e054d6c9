"""Whether episodes bear a claim out: do they say it, of that person, and how surely. Pure.

A model's word is not taken for any of this. What can be read off the words is read off the words: who
is meant by "I" and "you" follows from who spoke, and a name has to stand where it is said to come from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.language import names, persons
from helamem.language.english import ENGLISH
from helamem.language.sentences import is_question, opens_sentence, sentences
from helamem.language.terms import TOKEN, folded, terms_of, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from helamem.records import Episode

ONE_SOURCE = 0.6  # how sure one episode makes a claim all of whose words it has
ALIKE = 4  # letters that "Sweden" and "Swedish" share


def who(episode: Episode) -> str:
    """Whoever spoke: by name, or by their part in a chat."""
    return episode.speaker or episode.role


def flaw(claim: str) -> str:
    """Why a sentence is no fact, whoever says it; empty where it may be one.

    >>> flaw("She is a nurse."), flaw("Ana is a nurse.")
    ('leaves open whom or what it is about', '')
    """
    flaws = (
        (not terms_of(claim), "says nothing"),
        (is_question(claim), "is a question"),
        (sum(each[0].isupper() for each in sentences(claim)) > 1, "is more than one sentence"),
        (claim.rstrip("\"'\u201d\u2019) ").endswith("!"), "is an exclamation"),
        (
            persons.speaks_of_self(claim) or persons.addresses(claim),
            "speaks in the first or second person",
        ),
        (ENGLISH.times.day.search(claim), "counts from a day that it does not name"),
        (persons.leaves_open(claim), "leaves open whom or what it is about"),
    )
    return next((reason for found, reason in flaws if found), "")


def bearing(claim: str, episodes: Sequence[Episode]) -> list[Episode]:
    """Those of the episodes that have a telling word of a claim, beside the names of speakers."""
    said = _terms_of_claim(claim, episodes)
    return [episode for episode in episodes if said & _terms(episode)]


def stranger(claim: str, sources: Sequence[Episode], cluster: Sequence[Episode]) -> str:
    """A name in a claim that its sources neither bear nor say; empty where there is none.

    A word in another form of the name, such as "Swedish" for "Sweden", says it.
    """
    told = {word for episode in sources for word in words_of(f"{who(episode)} {episode.text}")}
    return next((name for name in _names(claim, cluster) if not _is_told(name, told)), "")


def misattributed(claim: str, sources: Sequence[Episode], cluster: Sequence[Episode]) -> bool:
    """Whether a claim says of one speaker what its sources say of another.

    The person whom a claim names first is whom it is about. A sentence bears out what is said about its
    own speaker, about whom it names, and, where it says "you", about whoever else talks here.
    """
    speakers = sorted({who(episode) for episode in cluster if who(episode)})
    found = names.mentions(claim, speakers, after_articles=True)
    if not found:
        return False
    subject = speakers[found[0][2]]
    said = _terms_of_claim(claim, cluster)
    nearest = _nearest(said, sources)
    return not any(_is_about(subject, sentence, speaker) for sentence, speaker in nearest)


def certainty(claim: str, sources: Sequence[Episode]) -> float:
    r"""How sure a claim is that these episodes bear out, in (0, 1).

        1 - \prod_s (1 - 0.6 share_s)

    with share_s the share of the claim's terms that episode s has; dates are worked out, so they do not
    count. So one episode that says all of it
    makes .6, two make .84, and words that stand nowhere make it less sure.
    """
    said = set(terms_of(_without_dates(claim)))
    doubt = 1.0
    for episode in sources:
        told = _terms(episode) | set(terms_of(who(episode)))
        doubt *= 1.0 - ONE_SOURCE * len(said & told) / max(len(said), 1)
    return max(1.0 - doubt, 0.01)


def _is_about(subject: str, sentence: str, speaker: str) -> bool:
    if subject == speaker:
        return persons.speaks_of_self(sentence) or not persons.addresses(sentence)
    if persons.addresses(sentence) or names.mentions(sentence, [subject]):
        return True
    return not persons.speaks_of_self(sentence)


def _nearest(said: set[str], sources: Sequence[Episode]) -> list[tuple[str, str]]:
    """The sentences of all sources that have most of a claim's terms, each with who said it."""
    shared = [
        (len(said & set(terms_of(sentence))), sentence, who(episode))
        for episode in sources
        for sentence in sentences(episode.text)
    ]
    most = max((n for n, *_ in shared), default=0)
    return [(sentence, speaker) for n, sentence, speaker in shared if n == most]


def _terms(episode: Episode) -> set[str]:
    return set(terms_of(episode.text))


def _terms_of_claim(claim: str, episodes: Sequence[Episode]) -> set[str]:
    """The terms of a claim without the speakers' names; with them, where there is nothing else."""
    speakers = {term for episode in episodes for term in terms_of(who(episode))}
    terms = set(terms_of(claim))
    return terms - speakers or terms


def _names(claim: str, cluster: Sequence[Episode]) -> list[str]:
    """The words of a claim with a capital that says: a name. Months and days of the week are none."""
    speakers = {word for episode in cluster for word in words_of(who(episode))}
    plain = folded(claim)
    return [
        token[0].casefold()
        for token in TOKEN.finditer(plain)
        if token[0][0].isupper()
        and not _is_calendar(token[0])
        and token[0].casefold() not in ENGLISH.stop_words
        and (token[0].casefold() in speakers or not opens_sentence(plain, token.start()))
    ]


def _is_told(name: str, told: set[str]) -> bool:
    return name in told or (
        len(name) > ALIKE and any(word.startswith(name[:ALIKE]) for word in told)
    )


def _is_calendar(word: str) -> bool:
    """Whether a word is the name of a month or of a day of the week."""
    return word.lower() in ENGLISH.months or bool(ENGLISH.time_words.fullmatch(word))


def _without_dates(claim: str) -> str:
    return " ".join(
        word for word in ENGLISH.month_date.sub(" ", claim).split() if not word[:4].isdecimal()
    )
