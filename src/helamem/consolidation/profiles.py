"""Profiles: the facts about a person or the assistant in a few lines, chosen by rules. Pure.

A profile is computed from the facts that hold now, so it is never out of date and needs no maintenance.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.frozen import dataclass
from helamem.language.terms import words_of
from helamem.plain import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from helamem.language.language import Language
    from helamem.records import Episode, Fact, FactKind

ORDER: tuple[FactKind, ...] = ("trait", "statement", "procedure")
MAX_CHARS = 1200


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Line(Record):
    """One line of a profile.

    Attributes:
        fact: The id of the fact.
        sources: The ids of the episodes that the fact rests on.
    """

    text: str
    kind: FactKind
    fact: int
    sources: tuple[int, ...]
    confidence: float


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Profile(Record):
    """The facts about one person; within each kind, the surest and most used first.

    Attributes:
        name: The person; "" for facts about nobody in particular.
        agent: Whether it is about the assistant.
        left_out: How many facts did not fit.
    """

    name: str
    lines: tuple[Line, ...]
    agent: bool = False
    left_out: int = 0

    def __str__(self) -> str:
        heading = self.name or ("The assistant" if self.agent else "General")
        return "\n".join([f"{heading}:", *(f"- {line.text} [{line.fact}]" for line in self.lines)])


def profiles(
    facts: Iterable[Fact],
    language: Language,
    *,
    name: str | None = None,
    max_chars: int = MAX_CHARS,
) -> tuple[Profile, ...]:
    """One profile per person, those with most facts first; the assistant's comes last.

    Args:
        facts: Facts that hold; superseded ones are left out.
        name: Only this person's profile: facts about them, or that name them.
        max_chars: The most characters of a profile's lines together.
    """
    facts = list(facts)
    spelt = next((each.speaker for each in facts if name and _is_named(each.speaker, name)), name)
    groups: dict[tuple[bool, str], list[Fact]] = {}
    for fact in facts:
        if fact.superseded_by is None and (name is None or _concerns(fact, name, language)):
            agent = fact.kind == "agent" and name is None
            groups.setdefault((agent, "" if agent else spelt or fact.speaker), []).append(fact)
    ordered = sorted(groups.items(), key=lambda each: (each[0][0], -len(each[1]), each[0][1]))
    return tuple(
        _profile(person, members, agent=agent, max_chars=max_chars)
        for (agent, person), members in ordered
    )


def valid_at(
    facts: Sequence[Fact], at: datetime, *, turns: Sequence[Episode | Fact] = ()
) -> tuple[Fact, ...]:
    """The facts that were valid at a time.

    Args:
        facts: All facts, including superseded ones.
        turns: The turns that have superseded some of them.
    """
    began = {each.id: each.at for each in (*facts, *turns)}
    return tuple(
        fact
        for fact in facts
        if fact.at <= at and (fact.superseded_by is None or began[fact.superseded_by] > at)
    )


def _profile(name: str, facts: Sequence[Fact], *, agent: bool, max_chars: int) -> Profile:
    lines: list[Line] = []
    room = max_chars
    for fact in sorted(facts, key=_rank):
        if len(fact.text) <= room:
            room -= len(fact.text)
            lines.append(_line(fact))
    return Profile(name=name, lines=tuple(lines), agent=agent, left_out=len(facts) - len(lines))


def _rank(fact: Fact) -> tuple[int, float, int, float, int]:
    """The sort key: traits first, then by confidence, use and age."""
    kind = ORDER.index(fact.kind) if fact.kind in ORDER else len(ORDER)
    return kind, -fact.confidence, -fact.uses, -fact.at.timestamp(), -fact.id


def _line(fact: Fact) -> Line:
    return Line(
        text=fact.text,
        kind=fact.kind,
        fact=fact.id,
        sources=fact.sources,
        confidence=fact.confidence,
    )


def _concerns(fact: Fact, name: str, language: Language) -> bool:
    """Whether a fact is about a person, or names them."""
    named = set(words_of(name, language))
    return _is_named(fact.speaker, name) or (
        bool(named) and named <= set(words_of(fact.text, language))
    )


def _is_named(speaker: str, name: str) -> bool:
    return speaker.casefold() == name.casefold()
