"""Distils a cluster with a language model: builds the request, and validates the reply.

Pure: the caller asks the model and stores the facts. Every part of a reply is checked; above all, a fact
must rest on episodes of the cluster.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from helamem.consolidation import grounding
from helamem.consolidation.distiller import Draft
from helamem.frozen import dataclass
from helamem.language.characters import clean, on_one_line
from helamem.language.sentences import sentences
from helamem.language.terms import words_of
from helamem.models import prompts, schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from helamem.language.language import Language
    from helamem.protocols import Message
    from helamem.records import Episode, Fact, Json

Relation: TypeAlias = Literal["new", "same", "replaces", "unsure"]

MAX_TEXT = 500  # characters of a fact
MIN_MOST_FACTS = 8  # that a call may give; more where there are more episodes
MAX_RELATED = 2  # facts of a reply that may concern the same known fact
MAX_EPISODE = 1500  # characters shown of an episode

# In the order in which a model writes: where it stands, who said it in which words, and then what it says of whom.
# A small model that names several sources names them all, and one that does not copy the words mixes up the persons.
PROPERTIES: dict[str, Json] = {
    "sources": {"type": "array", "items": {"type": "integer"}, "maxItems": 1},
    "speaker": {"type": "string"},
    "said": {"type": "string"},
    "about": {"type": "string"},
    "text": {"type": "string"},
    "kind": {"type": "string", "enum": ["statement", "trait", "agent", "procedure"]},
    "valid_from": {"type": "string"},
}
RELATION: dict[str, Json] = {
    "relation": {"type": "string", "enum": ["new", "same", "replaces", "unsure"]},
    "old": {"type": ["integer", "null"]},
}
FACT: dict[str, Json] = {
    "type": "object",
    "properties": PROPERTIES | RELATION,
    "required": [name for name in PROPERTIES if name not in {"speaker", "said"}],
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A fact in the model's words, and its stated relation to a known one.

    Attributes:
        old: The id of the known fact, one of those shown; None if `relation` is "new".
    """

    draft: Draft
    relation: Relation = "new"
    old: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """The valid part of a reply.

    Attributes:
        refused: Sentences about refused facts, without the words of memories.
        misshapen: Whether there was no list of facts, or none in it had the requested form.
    """

    claims: tuple[Claim, ...]
    refused: tuple[str, ...]
    misshapen: bool = False


def schema(n_episodes: int, *, related: bool) -> dict[str, Json]:
    """The form of a reply about `n_episodes`.

    The limit to the number of facts makes small models stop, which might otherwise write facts until they are
    cut off.

    Args:
        related: Whether known facts are shown, to which new ones may stand in a relation.
    """
    properties = PROPERTIES | RELATION if related else PROPERTIES
    fact: dict[str, Json] = {**FACT, "properties": properties, "required": list(properties)}
    facts: dict[str, Json] = {"type": "array", "items": fact, "maxItems": most_facts(n_episodes)}
    return {
        "type": "object",
        "properties": {"facts": facts},
        "required": ["facts"],
        "additionalProperties": False,
    }


def most_facts(n_episodes: int) -> int:
    """How many facts a call about so many episodes may give."""
    return max(3 * n_episodes // 4, MIN_MOST_FACTS)


def shorter_in_halves(n_episodes: int) -> bool:
    """Whether a call about half of so many episodes may give fewer facts."""
    return most_facts((n_episodes + 1) // 2) < most_facts(n_episodes)


def distiller(model: str) -> str:
    """The distiller's name, which is part of the marks of what it has distilled."""
    return f"{model}/prompt-{prompts.VERSION}"


def messages(
    episodes: Sequence[Episode], known: Sequence[Fact], language: Language
) -> list[Message]:
    """The request about one cluster, with the nearest known facts."""
    in_order = sorted(episodes, key=lambda episode: (episode.at, episode.id))
    quoted = prompts.quoted("episodes", (_line(episode, language) for episode in in_order))
    return [
        {"role": "system", "content": prompts.RELATING if known else prompts.REFLECT},
        *_example(related=bool(known)),
        {"role": "user", "content": _facts(map(prompts.fact_line, known)) + quoted},
    ]


def _example(*, related: bool) -> list[Message]:
    """A request and its reply, as a small model needs them; it relates nothing, since such a model repeats it."""
    unrelated: dict[str, Json] = {"relation": "new", "old": None} if related else {}
    facts: list[Json] = [fact | unrelated for fact in prompts.EXAMPLE_FACTS]
    return [
        {"role": "user", "content": prompts.quoted("episodes", prompts.EXAMPLE)},
        {"role": "assistant", "content": prompts.row({"facts": facts})},
    ]


def _facts(known: Iterable[Mapping[str, Json]]) -> str:
    """Known facts, quoted; their numbers are not called ids, or a small model takes them for episodes."""
    lines = [{"fact": line["id"], **{k: v for k, v in line.items() if k != "id"}} for line in known]
    return prompts.quoted("facts", lines) + "\n" if lines else ""


def _line(episode: Episode, language: Language) -> dict[str, Json]:
    """An episode as it is quoted; one that tells nothing has no id, so that no fact is made of it."""
    line = prompts.episode_line(episode) | {"text": _shown(episode, language)}
    if not grounding.tells(episode, language):
        del line["id"]
    return line


def _shown(episode: Episode, language: Language) -> str:
    return prompts.with_dates(episode.text[:MAX_EPISODE], episode.at.date(), language)


def parse(
    data: Json, episodes: Sequence[Episode], known: Sequence[Fact], language: Language
) -> Parsed:
    """Read a reply; malformed and unfounded facts are refused, with reasons.

    A cluster yields at most as many facts as it has episodes.
    """
    facts: Any = data.get("facts") if isinstance(data, dict) else None
    if not isinstance(facts, list):
        return Parsed(claims=(), refused=("the reply has no list of facts",), misshapen=True)
    reader = _Reader(
        {episode.id: episode for episode in episodes},
        frozenset(fact.id for fact in known),
        language,
    )
    claims = [reader.claim(number, fact) for number, fact in enumerate(facts[: len(episodes)], 1)]
    if len(facts) > len(episodes):
        reader.refuse(
            f"{len(facts) - len(episodes)} facts are more than a cluster of {len(episodes)} episodes gives"
        )
    return Parsed(
        claims=reader.without_guesses([claim for claim in claims if claim is not None]),
        refused=tuple(reader.refused),
        misshapen=bool(claims) and reader.misshapen == len(claims),
    )


class _Reader:
    """Reads facts from a reply, and collects refusals."""

    def __init__(
        self, episodes: Mapping[int, Episode], known: frozenset[int], language: Language
    ) -> None:
        self.refused: list[str] = []
        self.misshapen = 0
        self._episodes = episodes
        self._known = known
        self._language = language
        self._words = {id_: self._run(_shown(each, language)) for id_, each in episodes.items()}

    def refuse(self, sentence: str) -> None:
        self.refused.append(sentence)

    def claim(self, number: int, fact: Any) -> Claim | None:  # noqa: ANN401  # JSON of a model
        """One fact; None if it is refused. Members that were not asked for are ignored."""
        if isinstance(fact, dict):
            fact = {name: each for name, each in fact.items() if name in PROPERTIES | RELATION}
        wrong = schemas.misfit(fact, FACT, f"fact {number}")
        if wrong:
            self.misshapen += 1
            self.refuse(wrong)
            return None
        return self._claim(number, fact)

    def _claim(self, number: int, fact: Mapping[str, Any]) -> Claim | None:
        text = on_one_line(fact["text"])
        # What follows the first sentence needs it to be understood.
        text = next(iter(sentences(text, self._language)), "")
        text = grounding.without_report(text, self._language)
        wrong = _why_not_a_fact(text, self._language)
        if fact["text"].endswith(" "):  # a quotation mark that a small model did not escape
            wrong = wrong or "breaks off"
        named = self._named(fact["sources"], str(fact.get("said", "")))
        sources = () if wrong else self._sources(number, text, named)
        text = grounding.with_dates_of_sources(text, self._at_ids(sources), self._language)
        wrong = wrong or self._unfounded(text, sources)
        if wrong:
            self.refuse(f"fact {number} {wrong}")
            return None
        relation, old = self._relation(number, fact.get("relation", "new"), fact.get("old"))
        draft = Draft(
            text=text,
            kind=fact["kind"],
            confidence=grounding.certainty(text, self._at_ids(sources), self._language),
            sources=sources,
            speaker=self._subject(fact["about"], text, sources),
            at=self._time_of(number, fact["valid_from"], text, sources),
        )
        return Claim(draft=draft, relation=relation, old=old)

    def _named(self, ids: Sequence[float], said: str) -> Sequence[float]:
        """The sources: those given, unless another episode alone has the copied words.

        A small model copies words better than numbers.
        """
        copied = self._run(said)
        if not copied.strip():
            return ids
        found = [id_ for id_, words in self._words.items() if copied in words]
        return found if len(found) == 1 and found[0] not in ids else ids

    def _run(self, text: str) -> str:
        return f" {' '.join(words_of(text, self._language))} "

    def _sources(self, number: int, text: str, ids: Sequence[float]) -> tuple[int, ...]:
        """The cited sources that are in the cluster and share words with the fact."""
        named = sorted({int(id_) for id_ in ids})
        strange = [id_ for id_ in named if id_ not in self._episodes]
        if strange:
            self.refuse(
                f"fact {number} names sources that are not in its cluster: {', '.join(map(str, strange))}"
            )
        shown = self._at_ids(id_ for id_ in named if id_ in self._episodes)
        bearing = tuple(episode.id for episode in grounding.bearing(text, shown, self._language))
        silent = [str(episode.id) for episode in shown if episode.id not in bearing]
        if silent:
            self.refuse(
                f"fact {number} names sources that share no telling word with it: {', '.join(silent)}"
            )
        return bearing

    def _at_ids(self, ids: Iterable[int]) -> list[Episode]:
        return [self._episodes[id_] for id_ in ids]

    def _unfounded(self, text: str, sources: Sequence[int]) -> str:
        """Why the sources do not support a fact; empty if they do."""
        if not sources:
            return "has no source"
        episodes, language = self._at_ids(sources), self._language
        cluster = list(self._episodes.values())
        flaws = (
            (
                grounding.is_undated(text, episodes, language),
                "has a date relative to a day that it does not name",
            ),
            (
                grounding.stranger(text, episodes, cluster, language),
                "uses a name that its sources do not",
            ),
            (
                grounding.counts_otherwise(text, episodes, language),
                "has a number that its sources do not",
            ),
            (
                grounding.merely_reports(text, cluster, language),
                "tells that somebody spoke, and not what they said",
            ),
            (
                grounding.tells_as_done(text, episodes, language),
                "tells as done what its sources only intend",
            ),
            (
                grounding.lends_kin(text, episodes, cluster, language),
                "gives somebody a relative whom its sources do not",
            ),
            (
                grounding.certainty(text, episodes, language) < grounding.LEAST,
                "says more than its sources do",
            ),
        )
        found = (reason for wrong, reason in flaws if wrong)
        return next(found, "") or grounding.unsupported(text, episodes, cluster, language)

    def without_guesses(self, claims: Sequence[Claim]) -> tuple[Claim, ...]:
        """The claims, without relations to a known fact that a repetitive model relates to one fact after the other."""
        times = Counter(claim.old for claim in claims if claim.old is not None)
        guessed = {old: n for old, n in times.items() if n > MAX_RELATED}
        for old, n in guessed.items():
            self.refuse(f"{n} facts are said to stand in a relation to {old}, so none does")
        return tuple(
            replace(claim, relation="new", old=None) if claim.old in guessed else claim
            for claim in claims
        )

    def _relation(
        self, number: int, relation: Relation, old: float | None
    ) -> tuple[Relation, int | None]:
        if relation == "new":
            return "new", None
        if old is None or int(old) not in self._known:
            self.refuse(f"fact {number} is said to be {relation!r} to {old}, which was not shown")
            return "new", None
        return relation, int(old)

    def _subject(self, name: str, text: str, sources: Sequence[int]) -> str:
        """Whom a fact is about: as the model says if the fact and its sources have the name, else as the fact says."""
        name = " ".join(clean(name)[0].split())
        episodes = self._at_ids(sources)
        words = " ".join(f"{grounding.who(episode)} {episode.text}" for episode in episodes)
        if name and all(name.casefold() in where.casefold() for where in (text, words)):
            return name
        speakers = {grounding.who(episode) for episode in episodes}
        common = speakers.pop() if len(speakers) == 1 else ""
        return grounding.subject_of(text, list(self._episodes.values()), self._language) or common

    def _time_of(self, number: int, day: str, text: str, sources: Sequence[int]) -> datetime:
        said_at = max(self._episodes[source].at for source in sources)
        day = day.strip()
        if not day:
            return said_at
        try:
            found = _date(day, said_at.tzinfo)
        except (
            ValueError,
            OverflowError,
        ):  # the year 1 of a zone may lie outside of UTC's calendar
            self.refuse(f"fact {number} has an invalid date; the time of its sources was taken")
            return said_at
        # Months and years are often worked out, as from "for three years"; days are named.
        cluster = list(self._episodes.values())
        if day.count("-") == 2 and not grounding.names_day(
            found.date(), text, cluster, self._language
        ):
            self.refuse(
                f"fact {number} has a day that nobody names; the time of its sources was taken"
            )
            return said_at
        return found


_DATE = re.compile(r"([0-9]{4})(?:-([0-9]{2})(?:-([0-9]{2}))?)?")


def _why_not_a_fact(text: str, language: Language) -> str:
    """Why a text cannot be a fact; empty if it can."""
    if not text:
        return "has no text"
    if clean(text)[1]:
        return "has characters that no text has"
    if len(text) > MAX_TEXT:
        return f"has {len(text)} characters, more than {MAX_TEXT}"
    return grounding.flaw(text, language)


def _date(day: str, zone: tzinfo | None) -> datetime:
    """The first moment of a day, a month or a year.

    Raises:
        ValueError, OverflowError: It is none of these.
    """
    match = _DATE.fullmatch(day)
    if match is None:
        raise ValueError(day)
    year, month, day_of_month = match.groups(default="01")
    found = datetime(int(year), int(month), int(day_of_month), tzinfo=zone)
    found.astimezone(UTC)
    return found
