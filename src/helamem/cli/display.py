"""Output for people: tables and bars, plain if the output is not a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich import box
from rich.console import Console, Group
from rich.measure import Measurement
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from helamem.cli.lines import is_piped
from helamem.cli.lines import printable as printable  # noqa: PLC0414  # from here everywhere
from helamem.language.nouns import noun
from helamem.records import Fact

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime

    from rich.console import ConsoleOptions, RenderableType, RenderResult

    from helamem.records import Episode, Hit, Parts, Via
    from helamem.search.recall import Recall

LONG = 240  # most characters of a text in a table; `get` and --json show all
BAR = 14
UNBROKEN = 10_000  # the width for a pipe, so that no line is broken

# The parts of a score bar: name, style, block character, ASCII character.
OWN = ("what it says", "cyan", "█", "#")
NEIGHBOURS = ("its neighbours", "green", "▓", "+")
LEARNED = ("what was learned", "magenta", "▒", "*")


def console(*, stderr: bool = False, least: int = 0, piped: int = UNBROKEN) -> Console:
    """The console; colour and width follow the terminal, NO_COLOR and COLUMNS.

    Args:
        least: The least width, even if the terminal is narrower and lines wrap.
        piped: The least width in a pipe.
    """
    made = Console(stderr=stderr, highlight=False, emoji=False, markup=False)
    made.width = max(made.width, least, 0 if stderr or not is_piped() else piped)
    return made


@contextmanager
def progress(hidden: bool) -> Iterator[Callable[[str, int, int | None], None]]:
    """A progress bar on standard error, shown on terminals only."""
    err = console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    quiet = hidden or not err.is_terminal
    with Progress(*columns, console=err, disable=quiet, transient=True) as bars:
        task = bars.add_task("", total=None)

        def show(what: str, done: int, total: int | None) -> None:
            bars.update(task, description=what, completed=done, total=total)

        yield show


def clipped(text: str, length: int = LONG) -> Text:
    """A printable text, shortened if it is very long."""
    safe = printable(text[: length + 1])
    return Text(safe if len(text) <= length else safe[:length].rstrip() + " ...")


def when(moment: datetime) -> str:
    """A time as a table shows it: by the clock of its zone, to the minute."""
    return f"{moment:%Y-%m-%d %H:%M}"


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """An empty table in this program's style."""
    made = Table(
        box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=0, header_style="bold"
    )
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    return made


class Bar:
    """A score as a bar: what the memory says, what its neighbours passed on, what was learned."""

    def __init__(self, parts: Parts, *, best: float, width: int = BAR) -> None:
        self._amounts = shares(parts)
        self._width = width
        self._scale = width / best if best > 0 else 0.0

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(self._width, self._width)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        bar = Text(no_wrap=True)
        done = 0.0
        for (_, style, block, ascii_block), amount in zip(PIECES, self._amounts, strict=True):
            start, done = round(done), done + max(amount, 0.0) * self._scale
            bar.append(
                (ascii_block if options.ascii_only else block) * (round(done) - start), style
            )
        yield bar


PIECES = (OWN, NEIGHBOURS, LEARNED)


def shares(parts: Parts) -> tuple[float, float, float]:
    """A score in three shares: own activation, from neighbouring turns, from learning."""
    temporal = parts.received.get("temporal", 0.0)
    return parts.base, temporal, sum(parts.received.values()) - temporal


class Glyph:
    """A character with an ASCII substitute."""

    def __init__(self, character: str, ascii_character: str, style: str) -> None:
        self._characters = (character, ascii_character)
        self._style = style

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(1, 1)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield self.text(ascii_only=options.ascii_only)

    def text(self, *, ascii_only: bool) -> Text:
        """The character as the terminal can show it."""
        return Text(self._characters[ascii_only], self._style)


class Glyphs:
    """Several characters in a row, on one line."""

    def __init__(self, glyphs: Sequence[Glyph]) -> None:
        self._glyphs = glyphs

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(len(self._glyphs), len(self._glyphs))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Text().join(each.text(ascii_only=options.ascii_only) for each in self._glyphs)


class Legend:
    """The legend of a bar."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        legend = Text("score: ", style="dim")
        for i, (name, style, block, ascii_block) in enumerate(PIECES):
            legend.append(" + " if i else "", "dim")
            legend.append(ascii_block if options.ascii_only else block, style)
            legend.append(f" {name}", "dim")
        yield legend


def recall(
    found: Recall, *, explain: bool = False, known: Mapping[int, Episode | Fact] | None = None
) -> RenderableType:
    """The hits of a search, best first.

    Args:
        explain: Whether to show the parts of each score, and the edges over which activation came.
        known: Memories by id, to name the sources of activation.
    """
    if not found.hits:
        return Group(
            Text("No memory fits; try other words or fewer filters."), *_render_notes(found)
        )
    rows = table("id", "score", "", "memory", right=("id", "score"))
    best = max(hit.score for hit in found.hits)
    for hit in found.hits:
        below = [explanation(hit, known or {})] if explain else []
        rows.add_row(
            str(hit.id),
            f"{hit.score:.2f}",
            Bar(hit.parts, best=best),
            Group(clipped(hit.text), about(hit), *below),
        )
    return Group(rows, Text(), Legend(), *_render_notes(found))


def _render_notes(found: Recall) -> list[Text]:
    return [Text(note, "yellow") for note in found.notes]


def about(hit: Hit) -> Text:
    """Speaker, time and session of a hit, and whether it was found by association."""
    line = origin(hit.memory)
    if hit.path == "associative":
        line.append(" · by association", "magenta")
    return line


def origin(memory: Episode | Fact) -> Text:
    """Speaker, time and session of an episode; the sources of a fact."""
    if isinstance(memory, Fact):
        words = ["fact", f"from {ids(memory.sources)}"]
    else:
        day = memory.at.date().isoformat()  # the session's name if none was given
        session = "" if memory.session == day else memory.session
        words = [memory.speaker, when(memory.at), session]
    return Text(" · ".join(printable(word) for word in words if word), "dim")


def ids(values: Sequence[int], most: int = 6) -> str:
    """Ids as a reader meets them: "#3, #8"."""
    shown = ", ".join(f"#{id_}" for id_ in values[:most])
    return shown if len(values) <= most else f"{shown} and {len(values) - most} more"


def explanation(hit: Hit, known: Mapping[int, Episode | Fact]) -> Text:
    """The terms of a score, and the edges by which activation arrived."""
    terms = {**hit.parts.base_terms, **{f"from {k}": v for k, v in hit.parts.received.items()}}
    formula = " + ".join(
        f"{name} {value:.2f}" for name, value in terms.items() if abs(value) >= 0.005
    )
    telling = [via for via in hit.via if via.activation >= 0.005]
    lines = [f"= {formula}", *(arrival(via, known) for via in telling)]
    return Text("\n".join(lines), "dim italic")


def arrival(via: Via, known: Mapping[int, Episode | Fact]) -> str:
    """One edge by which activation arrived, in words."""
    source = known.get(via.source)
    words = clipped(source.text, 40).plain if source else ""
    edge = {
        "temporal": "a turn next to it",
        "learned": "served together before",
        "source": "a fact and its source",
        "cue": "served an earlier question like this one",
    }[via.channel]
    name = f"#{via.source}" + (f" ({words})" if words else "")
    return f"+ {via.activation:.2f} from {name}: {edge}, weight {via.weight:.2f}"


def memories(shown: Sequence[Episode | Fact]) -> RenderableType:
    """Memories as a table."""
    if not shown:
        return Text("This namespace is empty; `helamem add` and `helamem import` fill it.")
    rows = table("id", "when", "who", "memory", right=("id",))
    for each in shown:
        fact = isinstance(each, Fact)
        text = clipped(each.text)
        if fact:
            text.append(f"\n{origin(each).plain}", "dim")
        if each.superseded_by is not None:
            text.append(f"\nsuperseded by #{each.superseded_by}", "dim")
        rows.add_row(
            str(each.id), when(each.at), printable(each.speaker or getattr(each, "role", "")), text
        )
    return rows


def facts(shown: Sequence[Fact]) -> RenderableType:
    """Facts with their sources."""
    if not shown:
        return Text(
            "There are no facts yet. `helamem consolidate` distils them: with a language model out of all that "
            "was said, without one out of memories that served together (`helamem reinforce`)."
        )
    rows = table("id", "fact", "rests on", "sure", right=("id", "sure"))
    for fact in shown:
        text = clipped(fact.text)
        if fact.superseded_by is not None:
            text.append(f"\nsuperseded by #{fact.superseded_by}", "dim")
        rows.add_row(str(fact.id), text, ids(fact.sources), f"{fact.confidence:.0%}")
    return rows


def pairs(values: Mapping[str, str | int]) -> RenderableType:
    """Names and values, one pair per line."""
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="dim")
    rows.add_column(overflow="fold")
    for name, value in values.items():
        rows.add_row(name, printable(str(value)))
    return rows


def counted(n: int, singular: str, plural: str = "") -> str:
    """A number with its noun: "1 turn", "2 turns"."""
    return f"{n:,} {noun(n, singular, plural)}"
