"""How well do systems find what answers a question? Every system on every question, read-only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from helamem.evaluation import cells, defaults, peers, runner
from helamem.evaluation.figures import Bars
from helamem.evaluation.systems import named
from helamem.language.nouns import noun

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.evaluation.datasets import Dataset
    from helamem.evaluation.figures import Plot, Table
    from helamem.evaluation.runner import Progress
    from helamem.protocols import Embedder

ABSURD = 1e6  # turns a second: what keeps the turns as they are
WIDE = 64  # characters of the names of categories, beyond which each gets a row instead of a column
TURNS, SESSIONS = "recall@10", "sessions@10"
MANY = 10  # conversations, which would not fit into a table

# Columns by title: where a number stands in a system's entry, and how it is written.
Columns: TypeAlias = "Mapping[str, tuple[str, str]]"

RANKS: Columns = {
    "R@5": ("recall@5", ".3f"),
    "R@10": ("recall@10", ".3f"),
    "R@20": ("recall@20", ".3f"),
    "all@10": ("all@10", ".3f"),
    "nDCG@10": ("ndcg@10", ".3f"),
    "MRR": ("mrr", ".3f"),
    "p@1": ("p@1", ".3f"),
}
PROMPTS: Columns = {
    "R@500 tok": ("recall@500tok", ".3f"),
    "R@1000 tok": ("recall@1000tok", ".3f"),
    "R@2000 tok": ("recall@2000tok", ".3f"),
    "tokens": ("tokens_per_query", ",.0f"),
    "sessions@5": ("sessions@5", ".3f"),
    "sessions@10": ("sessions@10", ".3f"),
}
COSTS: Columns = {
    "ms p50": ("ms_per_query.p50", ".1f"),
    "ms p95": ("ms_per_query.p95", ".1f"),
    "turns/s": ("ingest_turns_per_s", ",.0f"),
    "bytes/turn": ("bytes_per_turn", ",.0f"),
}


def run(
    dataset: Dataset,
    *,
    embedder: Embedder,
    systems: Sequence[str] = defaults.SYSTEMS,
    settings: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    command: str = "",
) -> dict[str, Any]:
    """Measure systems by name; `settings` are for `default` alone."""
    result = runner.run(
        dataset,
        systems=named(systems, settings),
        embedder=embedder,
        progress=progress,
        command=command,
    )
    return {"experiment": "retrieval", **result, "set": dict(settings or {})}


def tables(result: Mapping[str, Any]) -> list[Table]:
    """Ranks and how far the first system is ahead, prompts, costs, and recall@10 by category.

    With peers, also how far apart all are in other metrics, and those that did not finish, apart.
    """
    if "peers" not in result:
        return _tables(result)
    parts = [
        (f"{heading}, {peers.finished(part)}", rows)
        for part in result["parts"]
        for heading, rows in [*_tables(part), peers.differences(part)]
    ]
    return [*_tables(result), peers.differences(result), *parts]


def _tables(result: Mapping[str, Any]) -> list[Table]:
    systems: Mapping[str, Mapping[str, Any]] = result["systems"]
    counts = sorted({entry["questions"] for entry in systems.values()})
    asked = f"{', '.join(map(str, counts))} {noun(max(counts), 'question')}"
    ranks = _rows(systems, RANKS)
    return [
        (f"Evidence recall over {asked}", _with_lead(result, ranks)),
        (f"In a prompt, and by session{_by_session(systems)}", _rows(systems, PROMPTS)),
        ("What it takes", _rows(systems, COSTS)),
        by_category(systems),
        *by_conversation(systems),
    ]


def by_category(systems: Mapping[str, Mapping[str, Any]]) -> Table:
    """Recall@10 by category; by session if no question has evidence turns."""
    metric = _main_metric(systems)
    categories = cells.categories(systems)
    turned = sum(map(len, categories)) > WIDE > sum(map(len, systems))
    rows = [
        ["category" if turned else "system", *categories],
        *(
            [name, *(cells.of_category(entry, c, metric) for c in categories)]
            for name, entry in systems.items()
        ),
    ]
    shown = [list(row) for row in zip(*rows, strict=True)] if turned else rows
    return f"{metric.capitalize()} by category", shown


def by_conversation(systems: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    """Recall@10 by conversation, and its range with one conversation left out."""
    parted = {name: entry for name, entry in systems.items() if entry.get("without_one")}
    names = list(next(iter(parted.values()))["by_conversation"]) if parted else []
    if not 0 < len(names) <= MANY:
        return []
    rows = [
        [
            system,
            *(f"{entry['by_conversation'][name]['recall@10']:.3f}" for name in names),
            "{:.3f} to {:.3f}".format(*entry["without_one"]["recall@10"]),
        ]
        for system, entry in parted.items()
    ]
    return [("Recall@10 by conversation", [["system", *names, "one left out"], *rows])]


def plots(result: Mapping[str, Any]) -> list[Plot | Bars]:
    """Recall@10 of every system, with its interval."""
    title = (
        "Evidence recall@10"
        if _main_metric(result["systems"]) == TURNS
        else "Recall of sessions@10"
    )
    return [recall_bars("recall", f"{title}, with 95 % intervals", result["systems"])]


def recall_bars(name: str, title: str, systems: Mapping[str, Mapping[str, Any]]) -> Bars:
    """A bar a system; recall by session, where no turns are known."""
    metric = _main_metric(systems)
    bars = {
        system: (entry[metric], entry["ci95"].get(metric, []))
        for system, entry in systems.items()
        if entry.get(metric) is not None
    }
    return Bars(name, title, metric, bars)


def lead(ahead: Mapping[str, Any]) -> str:
    """The lead in recall@10 with its interval; empty without a comparison."""
    return cells.gap(ahead["recall@10"])


def _rows(systems: Mapping[str, Mapping[str, Any]], columns: Columns) -> list[list[str]]:
    return [
        ["system", *columns],
        *(
            [name, *(_cell(_value_at(entry, path), form) for path, form in columns.values())]
            for name, entry in systems.items()
        ),
    ]


def _with_lead(result: Mapping[str, Any], rows: list[list[str]]) -> list[list[str]]:
    """The rows, plus a column with the first system's lead."""
    if not result["differences"]:
        return rows
    first = rows[1][0]
    place = 1 + rows[0][1:].index("R@10") + 1
    leads = [f"{first} is ahead by", ""]
    leads += [lead(result["differences"][f"{first} - {row[0]}"]) for row in rows[2:]]
    return [[*row[:place], cell, *row[place:]] for row, cell in zip(rows, leads, strict=True)]


def _by_session(systems: Mapping[str, Mapping[str, Any]]) -> str:
    """How many questions are scored by session, where these are others."""
    others = {n for entry in systems.values() if (n := entry.get("questions_by_session"))}
    return "".join(f"; sessions over {n} {noun(n, 'question')}" for n in others)


def _cell(value: float | None, form: str) -> str:
    """A formatted number; empty for None, and for the ingest speed of systems that build nothing."""
    return cells.number(None if value is not None and value >= ABSURD else value, form)


def _main_metric(systems: Mapping[str, Mapping[str, Any]]) -> str:
    """The metric to show if there is room for only one."""
    return TURNS if any(entry["questions"] for entry in systems.values()) else SESSIONS


def _value_at(entry: Mapping[str, Any], path: str) -> float | None:
    value: Any = entry
    for part in path.split("."):
        value = None if value is None else value.get(part)
    return None if value is None else float(value)
