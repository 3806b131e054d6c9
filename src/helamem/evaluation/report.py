"""Results for people: tables in a terminal, and pages of documentation with plots."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from helamem.config import PRESETS, Config, names
from helamem.errors import DataError
from helamem.evaluation import experiments, figures, findings, peers
from helamem.evaluation.forms import stream
from helamem.evaluation.provenance import plain_settings
from helamem.language.nouns import noun

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from helamem.evaluation.figures import Bars, Plot

SHORT = 24  # characters; cells up to this length stay on one line
NAME = 30  # characters that a row's name is given at least, where it has so many
LIST = "index.md"  # the page that lists the others
NEEDED = {
    "dataset",
    "sha256",
    "published_as",
    "conversations",
    "turns",
    "embedder",
    "helamem",
    "commit",
    "command",
}


def print_table(result: Mapping[str, Any], console: Console) -> None:
    """Print what an experiment found."""
    console.print(about(result))
    for heading, rows in experiments.of(result).tables(result):
        # By itself: a table's title wraps at the table's width.
        console.print(f"\n{heading}", style="italic", soft_wrap=True)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        for column, title in enumerate(rows[0]):
            short = max(len(row[column]) for row in rows) <= SHORT
            least = None if column else min(NAME, max(len(row[0]) for row in rows))
            table.add_column(
                title, justify="right" if column else "left", no_wrap=short, min_width=least
            )
        for row in rows[1:]:
            table.add_row(*row)
        console.print(table)
    for note in result.get("notes", ()):
        console.print(note)
    if n := result.get("left_out", 0):
        console.print(f"Questions left out: {n:,}, which hold nothing to score by.")


def about(result: Mapping[str, Any]) -> str:
    """Which data and which program the numbers are from, in one line."""
    return f"{_data(result)}, embedder {result['embedder']}, helamem {_program(result)}."


def _program(result: Mapping[str, Any]) -> str:
    """Which program; its commit is not known of one that was installed from a wheel."""
    return (
        f"{result['helamem']} ({result['commit']})" if result["commit"] else str(result["helamem"])
    )


def _data(result: Mapping[str, Any]) -> str:
    """The data set, how much of it there is, and what was done to it."""
    name = result["published_as"] or f"{result['dataset']} (sha256 {result['sha256'][:12]})"
    talks = len(result["conversations"])
    parts = [f"{name}: {talks:,} {noun(talks, 'conversation')}"]
    if "sample" in result:
        parts[0] += f", drawn from {result['sample']['of']:,}"
    parts.append(f"{result['turns']:,} {noun(result['turns'], 'turn')}")
    if "corrections" in result:
        n = result["corrections"]["questions"]
        parts.append(f"evidence of {n} {noun(n, 'question')} corrected")
    return ", ".join(parts)


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
    """Write a page and its plots for each result file, and the list of all pages; what was written.

    Raises:
        DataError: A file is not a result.
        MissingExtraError: matplotlib is not installed.
    """
    read_results = {file.stem: read(file) for file in results}
    figures.require_matplotlib()  # or the first page would be left without its plots
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, result in read_results.items():
        place = folder / f"{name}.md"
        place.write_text(page(name, result), encoding="utf-8")
        written.append(place)
        for plot in named_plots(name, result):
            written += figures.draw(plot, folder)
    listed = folder / LIST
    listed.write_text(listing(read_results, _lines_of_existing_pages(listed)), encoding="utf-8")
    return [*written, listed]


def read(file: Path) -> dict[str, Any]:
    """A result out of a file.

    Raises:
        DataError: It is not one.
    """
    result = stream.parsed(stream.read_bytes(file), file)
    if not isinstance(result, dict):
        raise DataError(f"{file} is not a result of `helamem bench`, which is a JSON object")
    if missing := sorted(NEEDED - set(result)):
        raise DataError(
            f"{file} is not a result of `helamem bench`: it lacks {', '.join(missing)}; give a file that "
            "one of its commands wrote with --json or --out"
        )
    try:
        page(file.stem, result)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as exc:
        raise DataError(f"{file} is not a whole result of `helamem bench`: {exc!r}") from exc
    return result


def page(name: str, result: Mapping[str, Any]) -> str:
    """What a result's page says: tables and plots, what did not help, and what is behind the numbers.

    Args:
        name: The name of the result's file, without its ending.
    """
    blocks = [f"# {experiments.question(result)}", about(result)]
    for heading, rows in experiments.of(result).tables(result):
        blocks += [f"**{heading}**", markdown_table(rows)]
    blocks += [f"![{plot.title}]({plot.name}.svg)" for plot in named_plots(name, result)]
    if notes := peers.notes(result) if "peers" in result else result.get("notes"):
        blocks += ["## How the others were run", "\n".join(f"- {each}" for each in notes)]
    if said := findings.not_shown(result):
        blocks += [
            "## What did not help, or was not shown to",
            "\n".join(f"- {each}" for each in said),
        ]
    return "\n\n".join([*blocks, *_provenance_section(result)]) + "\n"


def _provenance_section(result: Mapping[str, Any]) -> Iterator[str]:
    """What somebody else needs to get the same numbers."""
    yield "## Behind these numbers"
    if result["command"]:
        yield f"```sh\n{result['command']}\n```"
    hardware = result.get("hardware", {})
    rows = [
        ["what", "which"],
        ["data", f"`{result['dataset']}`, SHA-256 `{result['sha256']}`"],
        *_changes_to_data(result),
        ["questions left out", f"{result.get('left_out', 0)}, which hold nothing to score by"],
        ["embedder", f"`{result['embedder']}`"],
        ["tokens", f"counted by `{result.get('tokenizer', '')}`"],
        ["helamem", f"{result['helamem']}, commit {_commit(result)}"],
        ["machine", _machine(hardware)],
    ]
    yield "\n".join([_line(rows[0]), "|:--|:--|", *map(_line, rows[1:])])
    if settings := _settings(result):
        yield "\n".join([_line(["", "settings"]), "|:--|:--|", *map(_line, settings)])


def _changes_to_data(result: Mapping[str, Any]) -> Iterator[list[str]]:
    if "sample" in result:
        sample = result["sample"]
        yield ["sample", f"{sample['conversations']:,} of {sample['of']:,} conversations"]
    if "corrections" in result:
        made = result["corrections"]
        yield [
            "corrections",
            f"`{made['file']}`, SHA-256 `{made['sha256']}`: {made['questions']} questions have other evidence; "
            f"{made['not_here']} entries are about other conversations",
        ]


def _commit(result: Mapping[str, Any]) -> str:
    return f"`{result['commit']}`" if result["commit"] else "unknown"


def _machine(hardware: Mapping[str, Any]) -> str:
    if not hardware:
        return ""
    return (
        f"{hardware['processor'] or hardware['machine']}, {hardware['cores']} cores, {hardware['system']}, "
        f"Python {hardware['python']}, NumPy {hardware['numpy']}"
    )


def _settings(result: Mapping[str, Any]) -> list[list[str]]:
    """The settings of each configuration, relative to its preset or to one above, whichever is shorter."""
    config = result.get("config", {})
    configs = config.get("systems", config)
    above: dict[str, Mapping[str, Any]] = {}
    rows = []
    for name, each in configs.items():
        if isinstance(each, dict) and each:
            said = [
                _from_preset(each),
                *(_differences_from(each, *other) for other in above.items()),
            ]
            rows.append([f"`{name}`", min(said, key=len)])
            above[name] = each
    return rows


def _from_preset(config: Mapping[str, Any]) -> str:
    """The settings that differ from the preset as it is now; those that are gone are only mentioned."""
    preset = str(config.get("preset", "default"))
    base = plain_settings(Config.of(preset if preset in PRESETS else "default"))
    changed = findings.differing(config, base)
    start = "the defaults" if preset == "default" else f"the preset `{preset}`"
    common = {name: value for name, value in changed.items() if name in {*names()}}
    former = changed.keys() - common.keys() - {"embedder"}
    return f"{_with_changes(start, common)}{' (without former settings)' if former else ''}"


def _differences_from(config: Mapping[str, Any], name: str, other: Mapping[str, Any]) -> str:
    """The settings that differ from another configuration of the same result."""
    return _with_changes(f"as `{name}`", findings.differing(config, other))


def _with_changes(start: str, changed: Mapping[str, Any]) -> str:
    said = [
        f"`{name}` = {value}" if name in {*names()} else f"the former {name} = {value}"
        for name, value in changed.items()
        if name != "embedder" and value != findings.ABSENT
    ]
    return ", but ".join([start, ", ".join(said)]) if said else start


def named_plots(name: str, result: Mapping[str, Any]) -> list[Plot | Bars]:
    """A result's plots, named after its file, so that two results do not overwrite each other's."""
    drawn = experiments.of(result).plots(result)
    return [replace(plot, name=f"{name}-{plot.name}") for plot in drawn]


def listing(results: Mapping[str, Mapping[str, Any]], kept: Mapping[str, str]) -> str:
    """The list of pages: what each asks, of which data, by which program.

    Args:
        kept: Lines about other pages, by name, which stay.
    """
    lines = {
        **kept,
        **{
            name: _line(
                [
                    f"[{name}]({name}.md)",
                    experiments.question(result),
                    _data_in_short(result),
                    result["embedder"],
                    _program(result),
                ]
            )
            for name, result in results.items()
        },
    }
    head = [_line(["page", "question", "data", "embedder", "helamem"]), "|:--|:--|:--|:--|:--|"]
    rows = [lines[name] for name in sorted(lines)]
    return "\n".join(["# Results", "", "Made by `helamem bench report`.", "", *head, *rows]) + "\n"


def _data_in_short(result: Mapping[str, Any]) -> str:
    """The data in a few words, with what was done to it."""
    return ", ".join(
        [
            result["published_as"] or result["dataset"],
            *(["evidence corrected"] if "corrections" in result else []),
            *([f"{result['sample']['conversations']:,} drawn"] if "sample" in result else []),
        ]
    )


def _lines_of_existing_pages(listed: Path) -> dict[str, str]:
    """The lines of a list whose pages are still there, by name."""
    if not listed.is_file():
        return {}
    found = re.findall(r"^(\| \[(.+?)\]\(.*)$", listed.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: line for line, name in found if (listed.parent / f"{name}.md").is_file()}


def publish(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write a result into a folder: as JSON, as a page with plots, and into the list of pages."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{file_name(result)}.json"
    file.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return [file, *build([file], folder)]


def file_name(result: Mapping[str, Any]) -> str:
    """What a result's files are called: its data, its experiment, its embedder, and what is special."""
    parts = [
        result["dataset"],
        result.get("experiment", "retrieval"),
        result["embedder"].partition("/")[0],
        *(["corrected"] if "corrections" in result else []),
        *([f"sample-{result['sample']['conversations']}"] if "sample" in result else []),
        *(["dry-run"] if result.get("dry_run") else []),
    ]
    return re.sub(r"[^\w.-]+", "-", "-".join(parts))
