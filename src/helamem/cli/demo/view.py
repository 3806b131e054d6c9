"""The output of `helamem demo`, step by step; every number is computed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.rule import Rule
from rich.text import Text

from helamem.cli import consolidate, display
from helamem.cli.demo.walk import LATER, K, ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from rich.console import RenderableType
    from rich.table import Table

    from helamem.cli.demo.walk import Asked, Walk
    from helamem.search.recall import Recall

SHOWN = 2  # hits of each question
FACTS = 3  # those with the most sources
GONE = 2  # examples of what would be forgotten
NEAR_TOP = 5
TICK = display.Glyph("✓", ">", "bold green")
DOT = display.Glyph("·", ".", "dim")


def heading(number: int, title: str, words: str) -> RenderableType:
    """The beginning of a step."""
    rule = Rule(Text(f" {number} · {title} ", "bold"), align="left", style="dim")
    return Group(Text(), rule, Text(words, "dim"))


def reading(walk: Walk) -> RenderableType:
    """The result of reading."""
    receipt, ms = walk.read()
    stats = walk.memory.stats()
    stored = display.counted(len(receipt.stored), "turn")
    sessions = display.counted(stats.sessions, "session")
    people = ", ".join(stats.speakers[:4])
    summary = Text(f"Stored {stored} in {sessions}", "bold")
    summary.append(f" ({people})" if people else "", "bold")
    summary.append(f" in {ms:.0f} ms. No language model, no network.")
    return summary


def asking(walk: Walk) -> RenderableType:
    """The best hits of every question."""
    asked = walk.ask()
    if not asked:
        return Text("No question with a known answer was found, so nothing is asked or learned.")
    return Group(*(_question_with_hits(each) for each in asked), display.Legend())


def learning(walk: Walk) -> RenderableType:
    """The sum of what was learned."""
    learned = [each.learned for each in walk.learn() if each.learned is not None]
    pairs = display.counted(sum(each.strengthened for each in learned), "pair")
    bound = sum(each.bound for each in learned)
    memories = display.counted(bound, "memory", "memories")
    questions = display.counted(len(learned), "question")
    return Text(f"Linked {pairs} of memories, and bound {questions} to {memories}.", "bold")


def asking_again(walk: Walk) -> RenderableType:
    """The places of the answers among the hits, before and after learning."""
    asked = walk.ask_again()
    rows = _lines("question", f"first {K} hits before", "and after", flexible="question")
    for each in asked:
        rows.add_row(_line(each.question.text), *_tick_strips(each, each.before, each.after))
        if each.reworded_before is not None:
            strips = _tick_strips(each, each.reworded_before, each.reworded_after)
            rows.add_row(_line(each.question.again, "italic"), *strips)
    before, now = _all_ranks(asked, after=False), _all_ranks(asked, after=True)
    summary = (
        f"Of {display.counted(len(before), 'turn')} with answers, {_count_near_top(before)} were among the "
        f"first {NEAR_TOP} hits before learning, and {_count_near_top(now)} are now."
    )
    return Group(rows, Text(summary, "bold"))


def consolidating(walk: Walk) -> RenderableType:
    """The distilled facts."""
    report, facts = walk.consolidate()
    broad = sorted(facts, key=lambda fact: (-len(fact.sources), fact.id))[:FACTS]
    more = [Text(f"... and {len(facts) - FACTS} more", "dim")] if len(facts) > FACTS else []
    return Group(consolidate.consolidated(report, broad), *more)


def forgetting(walk: Walk) -> RenderableType:
    """The episodes that would be forgotten."""
    plan, some = walk.forget()
    examples = [display.memories(some[:GONE])] if some else []
    return Group(Text(consolidate.counts(plan)), *examples)


def next_steps() -> RenderableType:
    """The next commands to try."""
    commands = {
        'helamem add "Maya is allergic to peanuts."': "remember, in your own file",
        'helamem search "What can Maya not eat?" --explain': "ask, and see why",
        "helamem import FILE": "bring a conversation",
        "helamem demo --data FILE": "this walk, on your own",
    }
    rows = display.table("", "")
    rows.show_header = False
    for command, words in commands.items():
        rows.add_row(Text(command, "cyan"), Text(f" {words}", "dim"))
    return Group(Text(), Rule(Text(" Next ", "bold"), align="left", style="dim"), rows)


STEPS: Sequence[tuple[str, str, Callable[[Walk], RenderableType]]] = (
    (
        "Read",
        "Every turn becomes a memory of its own, linked to the turns around it.",
        reading,
    ),
    (
        "Ask",
        "Turns that resemble the question become active, and pass activation on. A tick: holds the answer.",
        asking,
    ),
    (
        "Learn",
        "Now the memory is told which turns held each answer.",
        learning,
    ),
    (
        "Ask again",
        "The same questions, and the same in other words. A tick is a hit that holds the answer.",
        asking_again,
    ),
    (
        "Consolidate",
        "Where associations are dense, sentences are picked out as facts, each with its source.",
        consolidating,
    ),
    (
        "Forget",
        f"Turns that are weak, old and unused may go. This plan looks {LATER.days} days ahead; nothing is deleted.",
        forgetting,
    ),
)


def _question_with_hits(each: Asked) -> RenderableType:
    """A question with its best hits, one line each."""
    question = _line(each.question.text, "bold")
    if each.question.answer:
        question.append(f"  ({each.question.answer})", "dim")
    best = max((hit.score for hit in each.before.hits), default=0.0)
    rows = _lines("", "id", "", "memory", flexible="memory", right=("id",))
    rows.show_header = False
    for hit in each.before.hits[:SHOWN]:
        mark = TICK if hit.id in each.evidence else ""
        bar = display.Bar(hit.parts, best=best, width=10)
        line = _line(f"{hit.speaker}: " if hit.speaker else "", "dim")
        rows.add_row(mark, f"#{hit.id}", bar, line.append_text(display.clipped(hit.text)))
    return Group(question, rows)


def _tick_strips(each: Asked, *recalls: Recall | None) -> Iterator[display.Glyphs]:
    """The first hits of each recall: a tick for one that holds the answer, a dot for another."""
    for recall in recalls:
        found = recall.ids[:K] if recall is not None else ()
        yield display.Glyphs([TICK if id_ in each.evidence else DOT for id_ in found])


def _lines(*columns: str, flexible: str, right: Iterable[str] = ()) -> Table:
    """A table whose rows take one line each; only the flexible column gives way."""
    rows = display.table(*columns, right=right)
    rows.box = None
    rows.padding = (0, 1, 0, 0)
    for column in rows.columns:
        column.no_wrap = column.header != flexible
    return rows


def _line(words: str, style: str = "") -> Text:
    """Words that are cut at the end of the line."""
    return Text(display.printable(words), style, no_wrap=True, overflow="ellipsis")


def _all_ranks(asked: Sequence[Asked], *, after: bool) -> list[int | None]:
    """The places of all memories with answers, over all questions and their rewordings."""
    return [
        rank
        for each in asked
        for recall in (
            (each.after, each.reworded_after) if after else (each.before, each.reworded_before)
        )
        if recall is not None
        for rank in ranks(recall, each.evidence)
    ]


def _count_near_top(places: Sequence[int | None]) -> int:
    return sum(1 for rank in places if rank is not None and rank <= NEAR_TOP)
