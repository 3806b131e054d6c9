"""Results for people: tables in a terminal, Markdown with plots, and pages of documentation."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from helamem.evaluation import experiments, figures, peers

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from helamem.evaluation.figures import Plot

SHORT = 24  # characters; cells up to this length stay on one line
NAME = 30  # characters that a row's name is given at least, where it has so many


def print_table(result: Mapping[str, Any], console: Console) -> None:
    """Print what an experiment found."""
    console.print(about(result))
    for heading, rows in experiments.of(result).tables(result):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=heading, title_justify="left")
        for column, title in enumerate(rows[0]):
            short = max(len(row[column]) for row in rows) <= SHORT
            least = None if column else min(NAME, max(len(row[0]) for row in rows))
            table.add_column(
                title, justify="right" if column else "left", no_wrap=short, min_width=least
            )
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table)


def markdown(result: Mapping[str, Any]) -> str:
    """The same in Markdown, with the command that gives it again."""
    blocks = [about(result)]
    for heading, rows in experiments.of(result).tables(result):
        blocks += [f"**{heading}**", markdown_table(rows)]
    if "peers" in result:
        blocks.append("\n".join(peers.notes(result)))
    if result["command"]:
        blocks.append(f"```sh\n{result['command']}\n```")
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


def build(results: Sequence[Path], folder: Path) -> list[Path]:
    """Write a Markdown page and its plots for each result file; all files that were written.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for file in results:
        result = json.loads(file.read_text(encoding="utf-8"))
        place = folder / f"{file.stem}.md"
        place.write_text(page(file.stem, result), encoding="utf-8")
        written.append(place)
        for plot in named_plots(file.stem, result):
            written += figures.draw(plot, folder)
    return written


def page(name: str, result: Mapping[str, Any]) -> str:
    """What a result file's page says.

    Args:
        name: The file's name without its ending.
    """
    images = "".join(f"\n![{p.title}]({p.name}.svg)\n" for p in named_plots(name, result))
    return f"# {name.replace('-', ', ').capitalize()}\n\n{markdown(result)}{images}"


def named_plots(name: str, result: Mapping[str, Any]) -> list[Plot]:
    """A result's plots, named after its file, so that two results do not overwrite each other's."""
    drawn = experiments.of(result).plots(result)
    return [replace(plot, name=f"{name}-{plot.name}") for plot in drawn]
