"""Renders the hits of a search as a block of text for a prompt, within a token budget.

    Facts:
    [7] Ana: Maya is allergic to peanuts. (9 May 2023; from 12, 40)
    8 May 2023, 13:56:
    [12] Ana: Maya is allergic to peanuts, her brother told me.
    [13] Ben: I will bake without them.

Every line is a heading, or a memory with its id in brackets, so that an answer can cite it. A text longer than the
budget is cut to its beginning and the passage that fits the question, with "[...]" at the cuts. Line breaks inside a
memory become spaces, so it cannot pass for a heading or another memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from helamem import arguments
from helamem.frozen import dataclass
from helamem.language.characters import on_one_line
from helamem.language.english import MONTHS
from helamem.models.tokens import count_tokens as estimated_tokens
from helamem.plain import Record
from helamem.records import Fact
from helamem.search import passages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import date, datetime

    from helamem.records import Hit

Section: TypeAlias = "tuple[date, str] | None"  # the day and session of a turn; None for facts

FIRST = 5  # number of hits taken by rank alone
MOST_CHARACTERS = (
    24  # most characters per token: a text with more exceeds the budget, without counting
)
LEAST_PASSAGE = 50  # tokens: with less, whole memories are preferred
LEAST_CHARACTERS = 24  # least tokens of a passage
PRICE = 0.3  # exponent of the length of later hits


@dataclass(frozen=True, slots=True, repr=False)
class Context(Record):
    """A block for a prompt.

    Attributes:
        text: The block; empty if nothing was found or fits.
        ids: The memories in it, best first.
        cut: The ids of those that are cut to a part.
        tokens: Its length in tokens.
    """

    text: str
    ids: tuple[int, ...]
    tokens: int
    cut: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.text


def render(
    hits: Iterable[Hit],
    *,
    max_tokens: int,
    query: str = "",
    count_tokens: Callable[[str], int] = estimated_tokens,
) -> Context:
    """The best hits that fit into `max_tokens`, facts first, then turns session by session.

    The first five hits are taken by rank, later ones also by length:

        rank * tokens ** 0.3, the lowest first

    Far down the list, two short turns hold an answer more often than a long one a little above them. A hit that does
    not fit is left out, and later ones are tried. A text that would not fit even alone is cut to at most half the
    budget, so that it neither empties nor fills the prompt. If nothing fits, the best hit is shown in part.

    Args:
        query: The question by which passages are chosen.
        count_tokens: Counts the tokens of a text.

    Raises:
        TypeError: `max_tokens` is not a whole number.
        ValueError: It is below 1.
    """
    max_tokens = arguments.count("max_tokens", max_tokens, least=1)
    ranked = list(hits)
    chosen = _fitting(ranked, query, _Budget(max_tokens, count_tokens))
    text = _block(chosen)
    tokens = count_tokens(text) if text else 0
    while tokens > max_tokens:  # with some tokenizers, lines take more together than alone
        chosen.pop()
        text = _block(chosen)
        tokens = count_tokens(text) if text else 0
    shown = {line.hit.id for line in chosen}
    return Context(
        text=text,
        ids=tuple(hit.id for hit in ranked if hit.id in shown),
        tokens=tokens,
        cut=tuple(sorted(line.hit.id for line in chosen if line.is_cut)),
    )


@dataclass(frozen=True, slots=True)
class _Line:
    """A hit as a line."""

    hit: Hit
    text: str
    price: int
    is_cut: bool = False


class _Budget:
    """A token budget, and the price of lines."""

    def __init__(self, tokens: int, count: Callable[[str], int]) -> None:
        self.tokens = tokens
        self._count = count
        self._alone = count("x")

    def price(self, line: str) -> int:
        """The tokens that a further line takes."""
        return self._count(f"x\n{line}") - self._alone

    def line(self, hit: Hit) -> _Line | None:
        """The whole line, if the budget has room for it; longer ones are not even counted."""
        if len(hit.text) > MOST_CHARACTERS * self.tokens:
            return None
        line = _line(hit)
        price = self.price(line)
        return _Line(hit, line, price) if price <= self.tokens else None

    def part(self, hit: Hit, query: str, tokens: int) -> _Line | None:
        """A passage of a hit of at most `tokens`; None if there is no room for one."""
        size = 4 * tokens
        while size >= LEAST_CHARACTERS:
            line = _line(hit, passages.excerpt(hit.text, query, size))
            price = self.price(line)
            if price <= tokens:
                return _Line(hit, line, price, is_cut=True)
            size = min(size - 1, int(0.9 * size * tokens / price))
        return None


def _fitting(hits: Sequence[Hit], query: str, budget: _Budget) -> list[_Line]:
    """The lines that fit into the budget together with their headings."""
    most = budget.tokens // 2
    found = [
        budget.line(hit) or (budget.part(hit, query, most) if most >= LEAST_PASSAGE else None)
        for hit in hits
    ]
    lines = [line for line in found if line is not None]
    left = budget.tokens
    headed: set[Section] = set()
    chosen = []
    for i in _in_turn([line.price for line in lines]):
        section = _section(lines[i].hit)
        cost = lines[i].price + (0 if section in headed else budget.price(_heading(lines[i].hit)))
        if cost <= left:
            left -= cost
            headed.add(section)
            chosen.append(lines[i])
    if hits and not chosen:
        last = budget.part(hits[0], query, budget.tokens - budget.price(_heading(hits[0])))
        return [last] if last else []
    return chosen


def _in_turn(prices: Sequence[int]) -> list[int]:
    """The order in which ranked lines are tried."""
    later = range(FIRST, len(prices))
    return [
        *range(min(FIRST, len(prices))),
        *sorted(later, key=lambda i: ((i + 1) * prices[i] ** PRICE, i)),
    ]


def _block(lines: Sequence[_Line]) -> str:
    facts = [line for line in lines if isinstance(line.hit.memory, Fact)]
    turns = sorted(
        (line for line in lines if not isinstance(line.hit.memory, Fact)),
        key=lambda line: (line.hit.at, line.hit.id),
    )
    sections: dict[Section, list[_Line]] = {}
    for line in [*facts, *turns]:
        sections.setdefault(_section(line.hit), []).append(line)
    return "\n".join(
        each
        for members in sections.values()
        for each in [_heading(members[0].hit), *(line.text for line in members)]
    )


def _section(hit: Hit) -> Section:
    memory = hit.memory
    return None if isinstance(memory, Fact) else (memory.at.date(), memory.session)


def _heading(hit: Hit) -> str:
    if isinstance(hit.memory, Fact):
        return "Facts:"
    return f"{_day(hit.at)}, {hit.at:%H:%M}:"


def _line(hit: Hit, part: str | None = None) -> str:
    """A memory on a line, or a part of its text."""
    memory = hit.memory
    text = on_one_line(memory.text if part is None else part)
    if isinstance(memory, Fact):
        sources = ", ".join(map(str, memory.sources))
        return f"[{memory.id}] {text} ({_day(memory.at)}; from {sources})"
    who = on_one_line(memory.speaker or memory.role)
    return f"[{memory.id}] {who}: {text}" if who else f"[{memory.id}] {text}"


def _day(at: datetime) -> str:
    return f"{at.day} {MONTHS[at.month - 1]} {at.year}"
