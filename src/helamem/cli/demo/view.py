"""What `helamem demo` says at each step; every number in it comes from the steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.rule import Rule
from rich.text import Text

from helamem.cli import consolidate, display
from helamem.cli.demo.walk import LATER, ranks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from helamem.cli.demo.walk import Asked, Walk
    from helamem.records import Hit, Via
    from helamem.search.recall import Recall

SHOWN = 3  # hits of each question
FACTS = 4  # those that rest on most
TELLING = 0.1  # activation below this is not worth a line
NEAR_TOP = 5
TICK = display.Glyph("✓", ">", "bold green")


def heading(number: int, title: str, words: str) -> RenderableType:
    """The beginning of a step."""
    rule = Rule(Text(f" {number} · {title} ", "bold"), align="left", style="dim")
    return Group(Text(), rule, Text(words, "dim"), Text())


def reading(walk: Walk) -> RenderableType:
    """What was read, and how it begins."""
    receipt, ms = walk.read()
    stats = walk.memory.stats()
    stored = display.counted(len(receipt.stored), "turn")
    sessions = display.counted(stats.sessions, "session")
    people = ", ".join(stats.speakers[:4])
    told = Text(f"Stored {stored} in {sessions}", "bold")
    told.append(f" ({people})" if people else "", "bold")
    told.append(f" in {ms:.0f} ms, with no language model and no network. It begins:\n")
    lines = [
        Text(f"  {turn.speaker or turn.role}: ", "dim").append_text(display.clipped(turn.text, 100))
        for turn in walk.story.turns[:3]
    ]
    return Group(told, *lines)


def asking(walk: Walk) -> RenderableType:
    """The best hits of every question."""
    asked = walk.ask()
    if not asked:
        return Text("No question with a known answer was found, so nothing is asked or learned.")
    return Group(*(_answered(each) for each in asked), display.Legend())


def learning(walk: Walk) -> RenderableType:
    """What each question taught."""
    rows = display.table(
        "question", "held by", "wired pairs", "bound", right=("wired pairs", "bound")
    )
    for each in walk.learn():
        if each.learned is not None:
            question = display.clipped(each.question.text, 60)
            pairs, bound = str(each.learned.strengthened), str(each.learned.bound)
            rows.add_row(question, display.ids(each.evidence), pairs, bound)
    return rows


def asking_again(walk: Walk) -> RenderableType:
    """How the places of the memories that hold the answers have changed, and why."""
    asked = walk.ask_again()
    before, now = _all_ranks(asked, after=False), _all_ranks(asked, after=True)
    told = (
        f"Of {display.counted(len(before), 'place')}, {_near(before)} were among the first {NEAR_TOP} "
        f"before, and {_near(now)} are now; {before.count(None)} were not among the hits before, "
        f"and {now.count(None)} are not now."
    )
    return Group(*(_compared(walk, each) for each in asked), Text(told, "bold"))


def consolidating(walk: Walk) -> RenderableType:
    """What was distilled."""
    report, facts = walk.consolidate()
    broad = sorted(facts, key=lambda fact: (-len(fact.sources), fact.id))[:FACTS]
    more = [Text(f"... and {len(facts) - FACTS} more", "dim")] if len(facts) > FACTS else []
    return Group(consolidate.consolidated(report, broad), *more)


def forgetting(walk: Walk) -> RenderableType:
    """What would go."""
    plan, some = walk.forget()
    lines: list[RenderableType] = [Text(consolidate.counts(plan))]
    if some:
        lines += [Text("\nFor example:"), display.memories(some)]
    return Group(*lines)


def next_steps() -> RenderableType:
    """What to try now."""
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
        "What resembles the question lights up, and passes activation to its neighbours. Searching "
        "changes nothing. A tick marks what is known to hold the answer.",
        asking,
    ),
    (
        "Learn",
        "Now the memory is told what held each answer. What served together is wired together, and "
        "the question is bound to it.",
        learning,
    ),
    (
        "Ask again",
        "The same questions, and the same in other words. A dash: not among the hits.",
        asking_again,
    ),
    (
        "Consolidate",
        "Where associations are dense, the memory distils what was said into facts, with their sources.",
        consolidating,
    ),
    (
        "Forget",
        f"What is weak, old and unused may go. This is what {LATER.days} days later could; it is only a plan.",
        forgetting,
    ),
)


def _answered(each: Asked) -> RenderableType:
    """A question with its best hits."""
    question = Text(each.question.text, "bold")
    if each.question.answer:
        question.append(f"  ({each.question.answer})", "dim")
    best = max((hit.score for hit in each.before.hits), default=0.0)
    rows = display.table("", "id", "score", "", "memory", right=("id",))
    rows.show_header = False
    rows.box = None
    rows.padding = (0, 1, 0, 0)
    for hit in each.before.hits[:SHOWN]:
        mark = TICK if hit.id in each.evidence else ""
        bar = display.Bar(hit.parts, best=best, width=10)
        rows.add_row(mark, f"#{hit.id}", f"{hit.score:.2f}", bar, _told(hit))
    missing = [id_ for id_ in each.evidence if id_ not in each.before.ids[:SHOWN]]
    further = _places(each.before, missing)
    note = [Text(f"further down: {further}", "yellow")] if missing else []
    return Padding(Group(question, rows, *note), (0, 0, 1, 0))


def _told(hit: Hit) -> Text:
    line = Text(f"{hit.speaker}: " if hit.speaker else "", "dim")
    line.append_text(display.clipped(hit.text, 110))
    if hit.via and hit.via[0].activation >= TELLING:
        line.append(f"\n{_because(hit.via[0])}", "dim")
    return line


def _because(via: Via) -> str:
    """The strongest thing that a memory received, in a few words."""
    source = {
        "temporal": f"next to #{via.source}" if via.hop == 1 else f"near #{via.source}",
        "learned": f"served together with #{via.source}",
        "source": f"a fact with #{via.source}",
        "cue": "served this question before",
    }[via.channel]
    return f"+{via.activation:.2f} {source}"


def _compared(walk: Walk, each: Asked) -> RenderableType:
    """Where the memories that hold an answer stood before and stand now, asked in either way."""
    heading = Text(each.question.text, "bold")
    ways = {"asked": (each.before, each.after)}
    if each.reworded_before is not None:
        heading.append(f"\n{each.question.again}", "italic")
        ways["in other words"] = (each.reworded_before, each.reworded_after)
    rows = display.table("", "", *ways, right=ways)
    rows.box = None
    rows.padding = (0, 2, 0, 0)
    for place, memory in enumerate(_said(walk, each)):
        id_ = each.evidence[place]
        changes = (
            _change(_rank(before, id_), _rank(after, id_)) for before, after in ways.values()
        )
        rows.add_row(f"#{id_}", memory, *changes)
    return Padding(Group(heading, rows, Text(_reason(each), "dim")), (0, 0, 1, 0))


def _rank(recall: Recall | None, id_: int) -> int | None:
    return ranks(recall, [id_])[0]


def _said(walk: Walk, each: Asked) -> list[Text]:
    """The beginnings of the turns that hold an answer."""
    turns = [walk.story.turns[place] for place in each.question.evidence]
    return [
        Text(f"{turn.speaker or turn.role}: ", "dim").append_text(display.clipped(turn.text, 34))
        for turn in turns
    ]


def _change(before: int | None, now: int | None) -> Text:
    """A place before and now; a dash for one that is not among the hits."""
    better = (now or 99) < (before or 99)
    worse = (now or 99) > (before or 99)
    style = "green" if better else "red" if worse else "dim"
    return Text(f"{before or '-'} to {now or '-'}", style)


def _reason(each: Asked) -> str:
    """The strongest thing learned that reached a memory with the answer."""
    hits = [hit for recall in (each.after, each.reworded_after) if recall for hit in recall.hits]
    learned = [
        (hit, via)
        for hit in hits
        for via in hit.via
        if hit.id in each.evidence and via.channel in ("learned", "cue")
    ]
    if not learned:
        return "nothing that was learned reached these"
    hit, via = max(learned, key=lambda pair: pair[1].activation)
    return f"for one, #{hit.id} {_because(via)}"


def _places(recall: Recall, wanted: Sequence[int]) -> str:
    """Places of memories among the hits: "#12 at 3, #13 not found"."""
    found = zip(wanted, ranks(recall, wanted), strict=True)
    return ", ".join(f"#{id_} {f'at {rank}' if rank else 'not found'}" for id_, rank in found)


def _all_ranks(asked: Sequence[Asked], *, after: bool) -> list[int | None]:
    """The places of all memories with answers, over all questions as they stand and reworded."""
    return [
        rank
        for each in asked
        for recall in (
            (each.after, each.reworded_after) if after else (each.before, each.reworded_before)
        )
        if recall is not None
        for rank in ranks(recall, each.evidence)
    ]


def _near(places: Sequence[int | None]) -> int:
    return sum(1 for rank in places if rank is not None and rank <= NEAR_TOP)
