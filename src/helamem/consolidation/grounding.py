"""Checks whether episodes support a claim: the words, the person, and how surely. Pure.

This does not rely on the model: the meaning of "I" and "you" follows from who spoke, and a name must be in the
cited sources.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from helamem.language import names, persons
from helamem.language.dates import relative_times
from helamem.language.sentences import is_question, opens_sentence, sentences
from helamem.language.terms import folded, terms_of, token_matches, words_of
from helamem.models import prompts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from helamem.language.language import Language
    from helamem.records import Episode

_NOTE = re.compile(r"\[[^\[\]\n]{1,200}\]")  # "[image: a dog]" was not said
LEAST = 0.25  # certainty of a claim; with less, most of it is not what was said
_NUMBER = re.compile(r"[0-9]+")
ONE_SOURCE = 0.6  # certainty of a claim if one episode has all of its words
ALIKE = 4  # least letters in common, as of "Sweden" and "Swedish"


def who(episode: Episode) -> str:
    """The speaker: by name, or by role."""
    return episode.speaker or episode.role


def flaw(claim: str, language: Language) -> str:
    """Why a sentence cannot be a fact; empty if it can.

    >>> from helamem.language import ENGLISH
    >>> flaw("She is a nurse.", ENGLISH), flaw("Ana is a nurse.", ENGLISH)
    ('leaves open whom or what it is about', '')
    """
    flaws = (
        (not terms_of(claim, language), "says nothing"),
        (is_question(claim, language), "is a question"),
        (claim.rstrip("\"'\u201d\u2019) ").endswith("!"), "is an exclamation"),
        (
            persons.speaks_of_self(claim, language) or persons.addresses(claim, language),
            "speaks in the first or second person",
        ),
        (persons.leaves_open(claim, language), "leaves open whom or what it is about"),
    )
    return next((reason for found, reason in flaws if found), "")


def tells(episode: Episode, language: Language) -> bool:
    """Whether an episode may hold a fact: a sentence that is no question, no pleasantry, and not just about "you".

    What an assistant says is about its user, so that "you" does not count there.
    """
    return any(
        terms_of(sentence, language)
        and not is_question(sentence, language)
        and not language.pleasantry.match(sentence)
        and (episode.role == "assistant" or not _applauds(sentence, language))
        for sentence in spoken_sentences(episode, language)
    )


def spoken_sentences(episode: Episode, language: Language) -> list[str]:
    """The sentences of an episode, without notes such as "[image: a dog]"."""
    return sentences(_NOTE.sub(" ", episode.text), language)


def _applauds(sentence: str, language: Language) -> bool:
    """Whether a sentence is only about whoever is spoken to, or an exclamation that names nothing."""
    if persons.speaks_of_self(sentence, language):
        return False
    exclaims = sentence.endswith("!") and not names.names_something(sentence, language)
    return exclaims or persons.addresses(sentence, language)


def with_dates_of_sources(claim: str, sources: Sequence[Episode], language: Language) -> str:
    """A claim with the dates behind "yesterday" and the like, if a source uses the same words."""
    for episode in sources:
        if _times(claim, episode, language) <= _times(episode.text, episode, language):
            claim = prompts.with_dates(claim, episode.at.date(), language)
    return claim


def is_undated(claim: str, sources: Sequence[Episode], language: Language) -> bool:
    """Whether a claim says "yesterday" or the like without a date."""
    return any(_times(claim, episode, language) for episode in sources)


def _times(text: str, episode: Episode, language: Language) -> set[str]:
    """The words of a text, in lower case, that mean another time on another day."""
    found = relative_times(text, episode.at.date(), language)
    return {text[start:end].lower() for start, end, _ in found}


def bearing(claim: str, episodes: Sequence[Episode], language: Language) -> list[Episode]:
    """The episodes that share a telling word with a claim, apart from names of speakers."""
    terms = _terms_of_claim(claim, episodes, language)
    return [episode for episode in episodes if terms & _terms(episode, language)]


def stranger(
    claim: str, sources: Sequence[Episode], cluster: Sequence[Episode], language: Language
) -> str:
    """A name in a claim that is neither a speaker of its sources nor in their words; empty if there is none.

    Another form of the name, such as "Swedish" for "Sweden", counts.
    """
    words = {
        word for episode in sources for word in words_of(f"{who(episode)} {episode.text}", language)
    }
    return next(
        (name for name in _names(claim, cluster, language) if not _is_mentioned(name, words)), ""
    )


def counts_otherwise(claim: str, sources: Sequence[Episode], language: Language) -> bool:
    """Whether a claim has a number that no source has in digits or words, as a date, or as its own date."""
    words = _dated_words(sources, language)
    known = _numbers(words, language) | _months(words, language)
    for episode in sources:
        known |= {episode.at.day, episode.at.month, episode.at.year}
    return not _digits(words_of(claim, language)) <= known


def names_day(day: date, claim: str, cluster: Sequence[Episode], language: Language) -> bool:
    """Whether a day is one on which somebody spoke, or a claim and its cluster name its number and its month."""
    words = [*_dated_words(cluster, language), *words_of(claim, language)]
    numbers = _numbers(words, language)
    named = day.day in numbers and day.month in numbers | _months(words, language)
    return named or any(day == episode.at.date() for episode in cluster)


def _dated_words(episodes: Sequence[Episode], language: Language) -> list[str]:
    """The words of episodes, with the dates that "yesterday" and the like mean."""
    texts = [prompts.with_dates(each.text, each.at.date(), language) for each in episodes]
    return [word for text in texts for word in words_of(text, language)]


def _numbers(words: Sequence[str], language: Language) -> set[int]:
    spelt = language.times.numbers
    return _digits(words) | {spelt[word] for word in words if word in spelt}


def _months(words: Sequence[str], language: Language) -> set[int]:
    return {language.months[word] for word in words if word in language.months}


def _digits(words: Sequence[str]) -> set[int]:
    return {int(number) for word in words for number in _NUMBER.findall(word)}


def subject_of(claim: str, cluster: Sequence[Episode], language: Language) -> str:
    """The speaker of a cluster whom a claim names first, and so is about; empty if it names none."""
    return _subject(claim, cluster, language)[0]


def merely_reports(claim: str, cluster: Sequence[Episode], language: Language) -> bool:
    """Whether a claim tells that a speaker spoke, and not what they said: "Ana shared her thoughts on tea"."""
    subject, end = _subject(claim, cluster, language)
    return bool(subject and language.reporting.match(claim, end))


def without_report(claim: str, language: Language) -> str:
    """A claim without a second clause that only tells that somebody spoke.

    >>> from helamem.language import ENGLISH
    >>> without_report("Ana sold her boat, and she is asking Ben about his.", ENGLISH)
    'Ana sold her boat.'
    """
    for clause in language.clause.finditer(claim):
        if language.reporting.match(claim, clause.end()):
            return f"{claim[: clause.start()]}."
    return claim


def tells_as_done(claim: str, sources: Sequence[Episode], language: Language) -> bool:
    """Whether a claim tells as done what its sources only intend: "started", of "I want to start"."""
    texts = [sentence for episode in sources for sentence in spoken_sentences(episode, language)]
    words = set(words_of(claim, language))
    return any(
        _is_only_intended(word, texts, language) for word in words if _is_past(word, language)
    )


def _is_only_intended(verb: str, texts: Sequence[str], language: Language) -> bool:
    """Whether sentences have a verb, but never in the past, and always after words of intention."""
    plain = _plain_verb(verb, language)
    found = [
        (word[0], language.intention.search(sentence, 0, word.start()))
        for sentence in texts
        for word in token_matches(sentence)
        if _plain_verb(word[0], language) == plain
    ]
    return bool(found) and all(intends and not _is_past(word, language) for word, intends in found)


def _is_past(word: str, language: Language) -> bool:
    return word.casefold() in language.irregular or bool(language.past.search(word))


def _plain_verb(word: str, language: Language) -> str:
    word = word.casefold()
    return language.stem(language.irregular.get(word, word))


def lends_kin(
    claim: str, sources: Sequence[Episode], cluster: Sequence[Episode], language: Language
) -> bool:
    """Whether a claim says "her kids", of kids in its sources that are nobody's whom their speakers know."""
    speakers = {who(episode) for episode in sources}
    known = {
        match["kin"].lower()
        for episode in cluster
        if who(episode) in speakers
        for match in language.kin.finditer(episode.text)
        if match.start() < match.start("kin")
    }
    others = {
        match["kin"].lower() for each in sources for match in language.kin.finditer(each.text)
    } - known
    return any(
        match["whose"] and match["kin"].lower() in others for match in language.kin.finditer(claim)
    )


def _subject(claim: str, cluster: Sequence[Episode], language: Language) -> tuple[str, int]:
    """The speaker whom a claim names first, and where the name ends; "" and 0 if it names none."""
    speakers = sorted({who(episode) for episode in cluster if who(episode)})
    found = names.mentions(claim, speakers, language, after_articles=True)
    return (speakers[found[0][2]], found[0][1]) if found else ("", 0)


def unsupported(
    claim: str, sources: Sequence[Episode], cluster: Sequence[Episode], language: Language
) -> str:
    """Why the sentences of the sources that are nearest to a claim do not support it; empty if they do.

    A question supports nothing. Any other sentence supports claims about its speaker, unless it is about whoever
    it speaks to, and about those whom it names, addresses or calls "she". An assistant may guess: what it says of
    others counts if they say it too, in telling words of their own.
    """
    terms = _terms_of_claim(claim, cluster, language)
    nearest = _nearest(terms, sources, language)
    if not nearest:
        return "repeats a question"
    subject = subject_of(claim, cluster, language)
    telling = [by for each, by in nearest if _is_about(subject, each, who(by), language)]
    if subject and not telling:
        return "claims about one person what another said of themselves"
    if subject and all(by.role == "assistant" and who(by) != subject for by in telling):
        persons_say = {
            t for each in cluster if each.role != "assistant" for t in _terms(each, language)
        }
        if not terms & set(terms_of(_without_dates(claim, language), language)) <= persons_say:
            return "claims about a person what only an assistant said"
    return ""


def certainty(claim: str, sources: Sequence[Episode], language: Language) -> float:
    r"""How sure a claim is that these episodes bear out, in (0, 1).

        1 - \prod_s (1 - 0.6 share_s)

    with share_s the share of the claim's terms that episode s has. Dates do not count, since they are
    worked out. One episode with all terms makes .6, two make .84, and terms that no episode has lower it.
    """
    terms = set(terms_of(_without_dates(claim, language), language))
    doubt = 1.0
    for episode in sources:
        known = _terms(episode, language) | set(terms_of(who(episode), language))
        doubt *= 1.0 - ONE_SOURCE * len(terms & known) / max(len(terms), 1)
    return max(1.0 - doubt, 0.01)


def _is_about(subject: str, sentence: str, speaker: str, language: Language) -> bool:
    if subject == speaker:
        return persons.speaks_of_self(sentence, language) or not persons.addresses(
            sentence, language
        )
    return (
        persons.addresses(sentence, language)
        or bool(names.mentions(sentence, [subject], language))
        or persons.speaks_of_others(sentence, language)
        or not language.first_person
    )


def _nearest(
    said: set[str], sources: Sequence[Episode], language: Language
) -> list[tuple[str, Episode]]:
    """The statements of all sources with the most terms of a claim, each with its episode."""
    shared = [
        (len(said & set(terms_of(statement, language))), statement, episode)
        for episode in sources
        for sentence in spoken_sentences(episode, language)
        if (statement := _stated(sentence, language))
    ]
    most = max((n for n, *_ in shared), default=0)
    return [(statement, episode) for n, statement, episode in shared if n == most > 0]


def _stated(sentence: str, language: Language) -> str:
    """What a sentence states: all, or of a question what is before its last comma, as in "It rained, did you see?"."""
    return sentence.rpartition(",")[0] if is_question(sentence, language) else sentence


def _terms(episode: Episode, language: Language) -> set[str]:
    return set(terms_of(_NOTE.sub(" ", episode.text), language))


def _terms_of_claim(claim: str, episodes: Sequence[Episode], language: Language) -> set[str]:
    """The terms of a claim without the speakers' names, or with them if there are no others."""
    speakers = {term for episode in episodes for term in terms_of(who(episode), language)}
    terms = set(terms_of(claim, language))
    return terms - speakers or terms


def _names(claim: str, cluster: Sequence[Episode], language: Language) -> list[str]:
    """The names in a claim, by their capitals, without months and days of the week; none in a language without."""
    if not language.capitals_name:
        return []
    speakers = {word for episode in cluster for word in words_of(who(episode), language)}
    plain = folded(claim, language)
    return [
        token[0].casefold()
        for token in token_matches(plain)
        if token[0][0].isupper()
        and not _is_calendar(token[0], language)
        and token[0].casefold() not in language.stop_words
        and (token[0].casefold() in speakers or not opens_sentence(plain, token.start()))
    ]


def _is_mentioned(name: str, words: set[str]) -> bool:
    return name in words or (
        len(name) > ALIKE and any(word.startswith(name[:ALIKE]) for word in words)
    )


def _is_calendar(word: str, language: Language) -> bool:
    """Whether a word is the name of a month or of a day of the week."""
    return word.lower() in language.months or bool(language.time_words.fullmatch(word))


def _without_dates(claim: str, language: Language) -> str:
    return " ".join(
        word for word in language.month_date.sub(" ", claim).split() if not word[:4].isdecimal()
    )
