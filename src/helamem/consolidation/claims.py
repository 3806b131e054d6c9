"""Distils a cluster with a language model: builds the request, and validates the reply.

Pure: the caller asks the model and stores the facts. Every part of a reply is checked; above all, a fact
must rest on episodes of the cluster.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from helamem.consolidation import grounding
from helamem.consolidation.distiller import Draft
from helamem.language.characters import clean
from helamem.models import prompts, schemas

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo

    from helamem.language.language import Language
    from helamem.protocols import Message
    from helamem.records import Episode, Fact, Json

Relation: TypeAlias = Literal["new", "same", "replaces", "unsure"]

MAX_TEXT = 500  # characters of a fact
MIN_MOST_FACTS = 8  # that a call may give; more where there are more than twice as many episodes
MAX_EPISODE = 1500  # characters shown of an episode

FACT: dict[str, Json] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "kind": {"type": "string", "enum": ["statement", "trait", "agent", "procedure"]},
        "about": {"type": "string"},
        "sources": {"type": "array", "items": {"type": "integer"}},
        "valid_from": {"type": "string"},
        "relation": {"type": "string", "enum": ["new", "same", "replaces", "unsure"]},
        "old": {"type": ["integer", "null"]},
    },
    "required": ["text", "kind", "about", "sources", "valid_from", "relation", "old"],
    "additionalProperties": False,
}
_ASKED = frozenset(FACT["required"])  # type: ignore[arg-type]  # a list of names
SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {"facts": {"type": "array", "items": FACT}},
    "required": ["facts"],
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


def schema(n_episodes: int) -> dict[str, Json]:
    """`SCHEMA` for a cluster of `n_episodes`, with at most as many facts.

    The limit makes small models stop, which might otherwise write facts until they are cut off.
    """
    properties = SCHEMA["properties"]
    assert isinstance(properties, dict)  # noqa: S101  # for the type checker
    facts = properties["facts"]
    assert isinstance(facts, dict)  # noqa: S101
    return {
        **SCHEMA,
        "properties": {"facts": {**facts, "maxItems": most_facts(n_episodes)}},
    }


def most_facts(n_episodes: int) -> int:
    """How many facts a call about so many episodes may give."""
    return max(n_episodes // 2, MIN_MOST_FACTS)


def shorter_in_halves(n_episodes: int) -> bool:
    """Whether a call about half of so many episodes may give fewer facts."""
    return most_facts((n_episodes + 1) // 2) < most_facts(n_episodes)


def distiller(model: str) -> str:
    """The distiller's name, which is part of the marks of what it has distilled."""
    return f"{model}/prompt-{prompts.VERSION}"


def messages(episodes: Sequence[Episode], known: Sequence[Fact]) -> list[Message]:
    """The request about one cluster, with the nearest known facts."""
    told = sorted(episodes, key=lambda episode: (episode.at, episode.id))
    lines = [prompts.episode_line(episode) for episode in told]
    for line in lines:
        line["text"] = str(line["text"])[:MAX_EPISODE]
    said = prompts.quoted("episodes", lines)
    facts = prompts.quoted("facts", map(prompts.fact_line, known))
    return [
        {"role": "system", "content": prompts.REFLECT},
        {"role": "user", "content": f"{said}\n{facts}"},
    ]


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
        claims=tuple(c for c in claims if c is not None),
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

    def refuse(self, sentence: str) -> None:
        self.refused.append(sentence)

    def claim(self, number: int, fact: Any) -> Claim | None:  # noqa: ANN401  # JSON of a model
        """One fact; None if it is refused. Members that were not asked for are ignored."""
        if isinstance(fact, dict):
            fact = {name: each for name, each in fact.items() if name in _ASKED}
        wrong = schemas.misfit(fact, FACT, f"fact {number}")
        if wrong:
            self.misshapen += 1
            self.refuse(wrong)
            return None
        return self._claim(number, fact)

    def _claim(self, number: int, fact: Mapping[str, Any]) -> Claim | None:
        text = " ".join(fact["text"].translate(_CONTROLS).split())
        wrong = _why_not_a_fact(text, self._language)
        sources = () if wrong else self._sources(number, text, fact["sources"])
        wrong = wrong or self._unfounded(text, sources)
        if wrong:
            self.refuse(f"fact {number} {wrong}")
            return None
        relation, old = self._relation(number, fact["relation"], fact["old"])
        draft = Draft(
            text=text,
            kind=fact["kind"],
            confidence=grounding.certainty(text, self._at_ids(sources), self._language),
            sources=sources,
            speaker=self._subject(fact["about"], sources),
            at=self._time_of(number, fact["valid_from"], sources),
        )
        return Claim(draft=draft, relation=relation, old=old)

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
        said, cluster = self._at_ids(sources), list(self._episodes.values())
        if grounding.stranger(text, said, cluster, self._language):
            return "uses a name that its sources do not"
        if grounding.misattributed(text, said, cluster, self._language):
            return "claims about one person what another said of themselves"
        return ""

    def _relation(
        self, number: int, relation: Relation, old: float | None
    ) -> tuple[Relation, int | None]:
        if relation == "new":
            return "new", None
        if old is None or int(old) not in self._known:
            self.refuse(f"fact {number} is said to be {relation!r} to {old}, which was not shown")
            return "new", None
        return relation, int(old)

    def _subject(self, name: str, sources: Sequence[int]) -> str:
        """The subject: the model's name if the sources contain it, else their common speaker, if any."""
        name = " ".join(clean(name)[0].split())
        said = " ".join(
            f"{grounding.who(episode)} {episode.text}" for episode in self._at_ids(sources)
        )
        if name and name.casefold() in said.casefold():
            return name
        speakers = {grounding.who(episode) for episode in self._at_ids(sources)}
        return speakers.pop() if len(speakers) == 1 else ""

    def _time_of(self, number: int, day: str, sources: Sequence[int]) -> datetime:
        said_at = max(self._episodes[source].at for source in sources)
        if not day.strip():
            return said_at
        try:
            return _date(day.strip(), said_at.tzinfo)
        except (
            ValueError,
            OverflowError,
        ):  # the year 1 of a zone may lie outside of UTC's calendar
            self.refuse(f"fact {number} has an invalid date; the time of its sources was taken")
            return said_at


_CONTROLS = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], " ")
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
