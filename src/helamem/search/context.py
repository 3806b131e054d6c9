"""From the hits of a search to the block of text that goes into a prompt, inside a token budget.

    Facts:
    [7] Ana: Maya is allergic to peanuts. (9 May 2023; from 12, 40)
    8 May 2023, 13:56:
    [12] Ana: Maya is allergic to peanuts, her brother told me.
    [13] Ben: I will bake without them.

Every line is a heading or one memory, and begins with the memory's id in brackets, so that an answer can
cite it. The block is data: line breaks inside a memory become spaces, so none can pass for a heading
or for another memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from helamem.language.english import MONTHS
from helamem.models.tokens import count_tokens as estimated_tokens
from helamem.plain import Record
from helamem.records import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from helamem.records import Hit

Section: TypeAlias = "tuple[date, str] | None"  # the day and session of a turn; None for facts

FIRST = 5  # so many hits are taken by rank alone
PRICE = 0.3  # how much the length of a later one counts against it

_CONTROLS = dict.fromkeys([*range(32), *range(127, 160), 0x2028, 0x2029], " ")


@dataclass(frozen=True, slots=True, repr=False)
class Context(Record):
    """A block for a prompt.

    Attributes:
        text: The block; empty where nothing was found, or nothing fitted.
        ids: The memories that are in it, best first.
        tokens: Its length.
    """

    text: str
    ids: tuple[int, ...]
    tokens: int

    def __str__(self) -> str:
        return self.text


def render(
    hits: Iterable[Hit],
    *,
    max_tokens: int,
    count_tokens: Callable[[str], int] = estimated_tokens,
) -> Context:
    """The best hits that fit into `max_tokens`, facts first, then turns session by session.

    The first five hits are taken by rank, later ones by what they cost too:

        rank * tokens ** 0.3, the lowest first

    Far down the list two short turns hold an answer more often than the long one a little above them.
    What does not fit is left out, whole, and later hits are still tried: a single huge memory must not
    leave the prompt empty.

    Args:
        count_tokens: How the length of a text is counted.

    Raises:
        ValueError: `max_tokens` is below 1.
    """
    if max_tokens < 1:
        raise ValueError(f"max_tokens must be at least 1, not {max_tokens}")
    ranked = list(hits)
    chosen = _fitting(ranked, max_tokens, count_tokens)
    text = _block(chosen)
    tokens = count_tokens(text) if text else 0
    while tokens > max_tokens:  # lines may take more together than alone, with some tokenizers
        chosen.pop()
        text = _block(chosen)
        tokens = count_tokens(text) if text else 0
    shown = {hit.id for hit in chosen}
    ids = tuple(hit.id for hit in ranked if hit.id in shown)
    return Context(text=text, ids=ids, tokens=tokens)


def _fitting(hits: Sequence[Hit], max_tokens: int, count_tokens: Callable[[str], int]) -> list[Hit]:
    """The hits whose lines, with the headings that they need, add up to the budget at most."""
    alone = count_tokens("x")

    def price(line: str) -> int:
        return count_tokens(f"x\n{line}") - alone  # what it takes after another line

    prices = [price(_line(hit)) for hit in hits]
    left = max_tokens
    headed: set[Section] = set()
    chosen = []
    for i in _in_turn(prices):
        section = _section(hits[i])
        cost = prices[i] + (0 if section in headed else price(_heading(hits[i])))
        if cost <= left:
            left -= cost
            headed.add(section)
            chosen.append(hits[i])
    return chosen


def _in_turn(prices: Sequence[int]) -> list[int]:
    """The order in which ranked lines are tried."""
    later = range(FIRST, len(prices))
    return [
        *range(min(FIRST, len(prices))),
        *sorted(later, key=lambda i: ((i + 1) * prices[i] ** PRICE, i)),
    ]


def _block(hits: Sequence[Hit]) -> str:
    facts = [hit for hit in hits if isinstance(hit.memory, Fact)]
    turns = sorted(
        (hit for hit in hits if not isinstance(hit.memory, Fact)), key=lambda hit: (hit.at, hit.id)
    )
    sections: dict[Section, list[Hit]] = {}
    for hit in [*facts, *turns]:
        sections.setdefault(_section(hit), []).append(hit)
    return "\n".join(
        line
        for members in sections.values()
        for line in [_heading(members[0]), *map(_line, members)]
    )


def _section(hit: Hit) -> Section:
    memory = hit.memory
    return None if isinstance(memory, Fact) else (memory.at.date(), memory.session)


def _heading(hit: Hit) -> str:
    if isinstance(hit.memory, Fact):
        return "Facts:"
    return f"{_day(hit.at)}, {hit.at:%H:%M}:"


def _line(hit: Hit) -> str:
    memory = hit.memory
    if isinstance(memory, Fact):
        sources = ", ".join(map(str, memory.sources))
        return f"[{memory.id}] {_folded(memory.text)} ({_day(memory.at)}; from {sources})"
    who = _folded(memory.speaker or memory.role)
    return (
        f"[{memory.id}] {who}: {_folded(memory.text)}"
        if who
        else f"[{memory.id}] {_folded(memory.text)}"
    )


def _day(at: datetime) -> str:
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"


def _folded(text: str) -> str:
    """The text on one line, without control characters."""
    return " ".join(text.translate(_CONTROLS).split())
