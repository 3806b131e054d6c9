"""Results for people: a table in a terminal, and in Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rich.console import Console

# Columns by title: where a number stands in a system's entry, and how it is written.
_COLUMNS: Mapping[str, tuple[str, str]] = {
    "R@5": ("recall@5", ".3f"),
    "R@10": ("recall@10", ".3f"),
    "R@20": ("recall@20", ".3f"),
    "MRR": ("mrr", ".3f"),
    "R@500 tok": ("recall@500tok", ".3f"),
    "R@1000 tok": ("recall@1000tok", ".3f"),
    "tokens": ("tokens_per_query", ".0f"),
    "ms p50": ("ms_per_query.p50", ".1f"),
    "ms p95": ("ms_per_query.p95", ".1f"),
    "turns/s": ("ingest_turns_per_s", ",.0f"),
}


def print_table(result: Mapping[str, Any], console: Console) -> None:
    """Print what `runner.run` found: all questions, then recall@10 by category."""
    console.print(about(result))
    for heading, rows in tables(result):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=heading, title_justify="left")
        for column, title in enumerate(rows[0]):
            table.add_column(title, justify="right" if column else "left", no_wrap=True)
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table)


def markdown(result: Mapping[str, Any]) -> str:
    """The same in Markdown."""
    blocks = [about(result)]
    for heading, rows in tables(result):
        blocks += [f"**{heading}**", markdown_table(rows)]
    return "\n\n".join(blocks) + "\n"


def about(result: Mapping[str, Any]) -> str:
    """Which data and which program the numbers are from, in one line."""
    version = f"helamem {result['helamem']}" + (
        f" ({result['commit']})" if result["commit"] else ""
    )
    data = result["published_as"] or f"{result['dataset']} (sha256 {result['sha256'][:12]})"
    return (
        f"{data}: {len(result['conversations'])} conversations, {result['turns']:,} turns, "
        f"embedder {result['embedder']}, {version}."
    )


def tables(result: Mapping[str, Any]) -> list[tuple[str, list[list[str]]]]:
    """Headings and rows, the first row being titles."""
    systems: Mapping[str, Mapping[str, Any]] = result["systems"]
    counts = {entry["questions"] for entry in systems.values()}
    heading = f"Evidence recall over {', '.join(map(str, sorted(counts)))} questions"
    everything = [
        [name, *(format(_at(entry, path), form) for path, form in _COLUMNS.values())]
        for name, entry in systems.items()
    ]
    categories = list(
        dict.fromkeys(name for entry in systems.values() for name in entry["by_category"])
    )
    by_category = [
        [name, *(_in_category(entry, category) for category in categories)]
        for name, entry in systems.items()
    ]
    return [
        (heading, [["system", *_COLUMNS], *everything]),
        ("Recall@10 by category", [["system", *categories], *by_category]),
    ]


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """Rows as a Markdown table, numbers to the right.

    >>> print(markdown_table([["system", "R@10"], ["default", "0.8"]]))
    | system | R@10 |
    |:--|--:|
    | default | 0.8 |
    """
    head, *body = rows
    rule = "|:--|" + "--:|" * (len(head) - 1)
    return "\n".join([_line(head), rule, *map(_line, body)])


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _in_category(entry: Mapping[str, Any], category: str) -> str:
    scores = entry["by_category"].get(category)
    return f"{scores['recall@10']:.3f}" if scores else ""


def _at(entry: Mapping[str, Any], path: str) -> float:
    value: Any = entry
    for part in path.split("."):
        value = value[part]
    return float(value)
