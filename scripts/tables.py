"""Write the tables that follow from code or from measurements into the documentation.

    python scripts/tables.py            all of them
    python scripts/tables.py settings   only those whose name begins so, between <!-- settings --> and
                                        <!-- /settings -->, say

A test compares, so that no table can say what is not so any more.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

import click

from helamem import config
from helamem.cli import main as main_group
from helamem.config import LANGUAGES, PRESETS, Config
from helamem.config.settings import LARGEST
from helamem.evaluation import cells
from helamem.evaluation.experiments import speed
from helamem.evaluation.report import markdown_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PEERS = "locomo_dev-peers-minilm.json"
BESIDE_PEERS = {
    "talk": PEERS,
    "assistant chats": "beam_100k_dev-peers-static.json",
    "meetings": "qmsum_val-peers-static.json",
}
METRICS = {
    "recall@5": "recall@5",
    "recall@10": "recall@10",
    "recall@1000tok": "recall in 1,000 tokens",
    "mrr": "MRR",
}


def main(wanted: Sequence[str]) -> None:
    """Write the tables with these names, or all."""
    for name, (document, make) in TABLES.items():
        if not wanted or any(name.startswith(each) for each in wanted):
            file = ROOT / document
            file.write_text(filled(file.read_text(encoding="utf-8"), name, make()), "utf-8")
            print(f"{document}: {name}")


def filled(text: str, name: str, table: str) -> str:
    """A document with what stands between the marks of a table replaced."""
    before, start, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->\n")
    if not end:
        sys.exit(f"there is no <!-- {name} --> ... <!-- /{name} -->")
    return f"{before}{start}\n{table}\n{end}{after}"


def settings() -> str:
    """The settings for everyday, in one table."""
    rows = [
        f"| `{name}` | {_written(config.value_of(Config(), name))} | {_range(name)} "
        f"| {config.describe(name)} |"
        for name in config.names()
        if config.is_stable(name)
    ]
    head = ["| setting | default | what it may be | what it does |", "|:--|:--|:--|:--|"]
    return "\n".join([*head, *rows, ""])


def numbers() -> str:
    """The numbers of the ranking: a table a section."""
    return "\n".join(_numbers())


def _numbers() -> Iterator[str]:
    section = None
    for name in config.names():
        if config.is_stable(name):
            continue
        here = name.partition(".")[0]
        if here != section:
            section = here
            yield from _heading(section)
        yield _row(name)
    yield ""


def _heading(section: str) -> Iterator[str]:
    what = type(getattr(Config(), section)).__doc__ or ""
    yield from ["", f"## `[{section}]`", "", what, ""]
    yield "| setting | default | in `paper` | what it does |"
    yield "|:--|:--|:--|:--|"


def _row(name: str) -> str:
    default = _written(config.value_of(Config(), name))
    paper = _written(PRESETS["paper"][name]) if name in PRESETS["paper"] else ""
    return (
        f"| `{name}` | {default} | {'' if paper == default else paper} | {config.describe(name)} |"
    )


def _written(value: Any) -> str:  # noqa: ANN401  # settings of any type
    """A value as it stands in TOML."""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:.4g}`"
    return f"`{json.dumps(value)}`"


def _range(name: str) -> str:
    section, _, key = name.partition(".")
    if not key:
        choices = {"preset": PRESETS, "language": LANGUAGES}
        return " or ".join(f"`{each}`" for each in choices.get(name, ())) or "see below"
    kind = type(getattr(Config(), section))
    hint = get_type_hints(kind)[key]
    if get_args(hint):
        return " or ".join(f"`{json.dumps(each)}`" for each in get_args(hint))
    if hint in (bool, str):
        return "`true` or `false`" if hint is bool else "text"
    spec = next(field for field in dataclasses.fields(kind) if field.name == key)
    return f"{'integer' if hint is int else 'number'}{_bounds(**spec.metadata)}"


def _bounds(*, low: float, high: float, **_: object) -> str:
    if low <= -LARGEST:
        return "" if high >= LARGEST else f" ≤ {high:g}"
    return f" ≥ {low:g}" if high >= LARGEST else f" in {low:g} … {high:g}"


def commands() -> str:
    """The commands but those of `bench`, with their own options."""
    return _commands([(name, each) for name, each in _all_commands() if not _is_bench(name)], set())


def bench_commands() -> str:
    """The commands of `bench`, with the options that not most of them have."""
    found = [(name, each) for name, each in _all_commands() if _is_bench(name)]
    return _commands(
        found, {"--data", "--form", "--corrections", "--sample", "--embedder", "--out"}
    )


def _is_bench(name: str) -> bool:
    return name.startswith("bench ")


def _commands(found: Sequence[tuple[str, click.Command]], shared: set[str]) -> str:
    """A table of commands; the options of every command are left out, and so are `shared`."""
    everywhere = shared | {option for each in main_group.params for option in each.opts}
    lines = ["| command | what it does | its own options |", "|:--|:--|:--|"]
    for name, command in found:
        options = [each.opts[0] for each in command.params if isinstance(each, click.Option)]
        own = " ".join(f"`{each}`" for each in options if each not in everywhere)
        lines.append(f"| `{name}` | {command.get_short_help_str(limit=200)} | {own} |")
    return "\n".join([*lines, ""])


def _all_commands(
    group: click.Group = main_group, path: str = ""
) -> Iterator[tuple[str, click.Command]]:
    """Every command, those of groups too, by the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from _all_commands(command, f"{path}{name} ")
        elif command is not None:
            yield f"{path}{name}", command


def corpora() -> str:
    """Recall of every system on every data set; on one alone until the suite was measured."""
    found = sorted(RESULTS.glob("*suite*.json"))
    if not found:
        return quality()
    result = _result(found[-1].name)
    systems = list(next(iter(result["corpora"].values()))["systems"])
    head = [
        *(_strong(each) for each in systems),
        f"best other memory / {systems[0]}",
        "MRR",
        "in 1,000 tokens",
    ]
    lines = [
        "| recall@10 | " + " | ".join(head) + " |",
        "|:--|" + "--:|" * len(head),
        *(_corpus_row(name, each["systems"]) for name, each in result["corpora"].items()),
        "",
        f"The last two columns compare `{systems[0]}` with the best simple system. Embedder "
        f"`{result['embedder']}`, commit `{result['commit']}`, `{result['command']}`.",
        "",
    ]
    return "\n".join(lines)


def _corpus_row(corpus: str, systems: dict[str, Any]) -> str:
    first, *others = systems.values()
    against = [
        f"{_share(first[metric])} / {_share(max(each[metric] for each in others))}"
        for metric in ("mrr", "recall@1000tok")
    ]
    values = [_share(each["recall@10"]) for each in systems.values()]
    return f"| {corpus} | " + " | ".join([*values, _best_peer(corpus), *against]) + " |"


def _best_peer(corpus: str) -> str:
    """What the best of the peers finds, and this memory beside it, where peers were asked."""
    files = sorted(RESULTS.glob(f"{corpus}-peers-*.json"))
    if not files:
        return ""
    result = _result(files[-1].name)
    own, *_ = result["systems"].values()
    best, found = [each for each in _best_last(result["systems"]) if each[0] in result["peers"]][-1]
    return f"{_share(found['recall@10'])} / {_share(own['recall@10'])} ({_named(result, best)})"


def _strong(system: str) -> str:
    return f"**{system}**" if system == "default" else system


def quality() -> str:
    """How well each system finds what holds the answer."""
    result = _result("locomo_dev-static.json")
    systems = result["systems"]
    low, high = systems["default"]["without_one"]["recall@10"]
    head = [
        *METRICS.values(),
        "by category, recall@10: multi-hop",
        "temporal",
        "open-domain",
        "single-hop",
    ]
    lines = [
        "| system | " + " | ".join(head) + " |",
        "|---|" + "---:|" * len(head),
        *(_quality_row(name, each) for name, each in systems.items()),
    ]
    lines += [
        "",
        f"{systems['default']['questions']} questions of categories 1 to 4 on {len(result['conversations'])} "
        f"conversations with {result['turns']:,} turns; embedder `{result['embedder']}`, commit "
        f"`{result['commit']}`, `{result['command']}`. With one conversation left out at a time, "
        f"the default's recall@10 lies between {_share(low)} and {_share(high)}.",
        "",
    ]
    return "\n".join(lines)


def _quality_row(name: str, system: dict[str, Any]) -> str:
    values = [system[metric] for metric in METRICS]
    values += [each["recall@10"] for each in system["by_category"].values()]
    cells = [_share(value) for value in values]
    return f"| {_strong(name)} | " + " | ".join(cells) + " |"


def _share(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def peers() -> str:
    """What other memories find, and how far this one is ahead."""
    result = _result(PEERS)
    first, *_ = result["systems"]
    lines = [
        f"| system | recall@10 | `{first}` is ahead by |",
        "|---|---:|---:|",
        *(
            f"| {_named(result, name)} | {_share(system['recall@10'])} "
            f"| {'' if name == first else _ahead(result['differences'][f'{first} - {name}'])} |"
            for name, system in _best_last(result["systems"])
        ),
        "",
    ]
    return "\n".join(lines)


def side_by_side() -> str:
    """What this memory, simple systems and other memories find on each corpus, and what it takes."""
    results = {corpus: _result(file) for corpus, file in BESIDE_PEERS.items()}
    found = {
        _named(result, name): name
        for result in results.values()
        for name, _ in reversed(_best_last(result["systems"]))
    }
    lines = [
        "| recall@10 / in 1,000 tokens | " + " | ".join(results) + " | turns/s | ms p50 |",
        "|---|" + "---:|" * (len(results) + 2),
        *(_beside(named, name, list(results.values())) for named, name in found.items()),
        "",
    ]
    return "\n".join(lines)


def _beside(named: str, name: str, results: list[dict[str, Any]]) -> str:
    """A system's row: what it finds where it was measured, and its times on the first such corpus."""
    systems = [result["systems"].get(name) for result in results]
    shares = [
        f"{_share(each['recall@10'])} / {_share(each['recall@1000tok'])}" if each else ""
        for each in systems
    ]
    timed = next(filter(None, systems))
    times = [f"{timed['ingest_turns_per_s']:,.0f}", _milliseconds(timed)]
    return f"| {named} | " + " | ".join([*shares, *times]) + " |"


def _milliseconds(system: dict[str, Any]) -> str:
    """How long a question takes; nothing where none was timed."""
    p50 = system["ms_per_query"]["p50"]
    return "" if p50 is None else f"{p50:,.0f}"


def _best_last(systems: dict[str, Any]) -> list[tuple[str, Any]]:
    return sorted(systems.items(), key=lambda item: item[1]["recall@10"])


def _named(result: dict[str, Any], name: str) -> str:
    """A system with its version, where it is another memory."""
    if name not in result["peers"]:
        return _strong(name)
    (package, version), *_ = result["peers"][name]["versions"].items()
    return f"{package} {version}"


def _ahead(gap: dict[str, Any]) -> str:
    return _gap(gap["recall@10"])


def _gap(gap: dict[str, Any]) -> str:
    return cells.gap(gap).replace("0.", ".")


def learned() -> str:
    """What each way of learning wins over none, where needs are new and where they return."""
    new, returning = (
        _result(f"locomo_dev-{name}-static.json")["arms"] for name in ("learning", "reuse")
    )
    lines = [
        "| recall@10 | new needs | multi-hop | returning needs | multi-hop |",
        "|---|---:|---:|---:|---:|",
        _before(new["none"], returning["none"]),
        *(
            f"| `{arm}` | " + " | ".join([*_won(new[arm]), *_won(returning[arm])]) + " |"
            for arm in new
            if arm != "none"
        ),
        "",
    ]
    return "\n".join(lines)


def _before(*arms: dict[str, Any]) -> str:
    values = [
        _share(part["recall@10"]) for arm in arms for part in (arm, arm["by_category"]["multi-hop"])
    ]
    return "| before learning | " + " | ".join(values) + " |"


def _won(arm: dict[str, Any]) -> list[str]:
    return [_gap(part["gain"]) for part in (arm, arm["by_category"]["multi-hop"])]


def cost() -> str:
    """What adding and searching take at several sizes."""
    result = _result("speed-static.json")
    hardware = result["hardware"]
    (_, rows), *_ = speed.tables(result)
    lines = [
        markdown_table(rows),
        "",
        f"On {hardware['cores']} cores of a shared machine ({hardware['processor']}), Python "
        f"{hardware['python']}, commit `{result['commit']}`, `{result['command']}`. Opening is measured "
        "with the embedder loaded.",
        "",
    ]
    return "\n".join(lines)


def _result(name: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads((RESULTS / name).read_text(encoding="utf-8"))
    return result


TABLES: dict[str, tuple[str, Callable[[], str]]] = {
    "commands": ("docs/cli.md", commands),
    "commands of bench": ("docs/cli.md", bench_commands),
    "settings": ("docs/configuration.md", settings),
    "settings of the ranking": ("docs/ranking.md", numbers),
    "corpora": ("README.md", corpora),
    "cost": ("README.md", cost),
    "peers": ("docs/why.md", peers),
    "side by side": ("docs/evaluation.md", side_by_side),
    "learning": ("docs/evaluation.md", learned),
}


if __name__ == "__main__":
    main(sys.argv[1:])
