"""`helamem import`: conversations and notes in the known formats."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import field, replace
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from rich.console import RenderableType

    from helamem.exchange.detect import Format
    from helamem.exchange.locomo import Conversation
    from helamem.exchange.reading import Reading
    from helamem.records import Json, Receipt, Turn

FORMATS = (
    *("auto", "jsonl", "messages", "chatgpt", "claude", "letta", "slack", "discord", "whatsapp"),
    *("telegram", "markdown", "text", "locomo", "helamem"),
)
NAMED = 20  # most omissions that are listed; --json lists all


@dataclass(frozen=True, slots=True)
class Part:
    """The import into one namespace: turns, or the lines of an export.

    Attributes:
        left_out: Sentences that say why parts of the file are not turns.
        losses: What could not be kept, and of how many turns.
    """

    namespace: str
    turns: Sequence[Turn] = ()
    lines: Sequence[str] = ()
    size: int = 0
    left_out: Sequence[str] = ()
    losses: Counter[str] = field(default_factory=Counter)


@click.command("import", cls=Command)
@click.argument("source", metavar="FILE", type=click.Path(allow_dash=True, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="auto",
    show_default=True,
    help="The format, if content and name do not tell.",
)
@click.option(
    "--timezone",
    "zone",
    metavar="NAME",
    help="The zone of times that name none, like Europe/Berlin; the setting `timezone` by default.",
)
@click.option(
    "--conversation", metavar="ID", help="The conversation, if a LoCoMo file has several."
)
@click.option(
    "--session-prefix", default="", metavar="TEXT", help="Put before every session's name."
)
@shared_options
@pass_app
def import_(
    app: App,
    *,
    source: Path,
    form: str,
    zone: str | None,
    conversation: str | None,
    session_prefix: str,
) -> None:
    """Remember conversations or notes.

    They are in a file, a folder or a zip archive; `-` is standard input. The formats are JSON lines, lists of
    messages, exports of ChatGPT, Claude, Letta, Slack, Discord, Telegram and WhatsApp, Markdown and plain
    text, LoCoMo's JSON, and what `export` writes.

    A file is checked before anything of it is stored; a malformed line is reported by its number. In a file
    with many conversations, or a folder, what cannot be read is left out and named. Importing again stores
    only what is new.

    Several conversations in a LoCoMo file go into namespaces named after them, unless --conversation chooses
    one.

    Example:
        helamem import chat.jsonl
        helamem import notes/
        cat export.jsonl | helamem --file new.db import -
    """
    from helamem.config import zones

    if str(source) != "-" and not source.exists():
        raise click.UsageError(f"there is no file or folder {str(source)!r}; check the path")
    where = zones.zone(zone) if zone else app.config().zone
    with _explaining_errors(_source_name(source)):
        parts = _read_parts(app, source, form, conversation, where)
    parts = [_with_prefix(part, session_prefix) for part in parts]
    receipts = [(part, _store(app, part)) for part in parts]
    data: list[Json] = [_summary(part, receipt) for part, receipt in receipts]
    app.show({"namespaces": data}, lambda: _render_receipts(receipts))


@contextmanager
def _explaining_errors(name: str) -> Iterator[None]:
    """Add the file's name to reading errors, and that nothing was stored."""
    from helamem.errors import DataError

    try:
        yield
    except OSError as exc:
        raise DataError(f"{name} cannot be read: {exc.strerror}; nothing was stored") from exc
    except (ValueError, TypeError) as exc:
        sentence = str(exc).removesuffix("; nothing was stored")
        sentence = sentence if sentence.startswith(name) else f"{name}: {sentence}"
        raise DataError(f"{sentence}; nothing was stored") from exc


def _read_parts(
    app: App, source: Path, form: str, conversation: str | None, zone: tzinfo
) -> list[Part]:
    from helamem.exchange import archives, detect, files
    from helamem.exchange.jsonl import parsed
    from helamem.exchange.locomo import read_locomo

    wanted = None if form == "auto" else cast("Format", form)
    if archives.is_many(source):
        return [_part_of(app.namespace, files.read_many(source, wanted, zone=zone))]
    text = archives.decoded(_read_bytes(source), _source_name(source))
    kind = wanted or files.form_of(_source_name(source), text)
    if conversation is not None and kind != "locomo":
        raise click.UsageError("--conversation is for LoCoMo files; leave it out")
    if kind == "helamem":
        return _export_parts(app, text.split("\n"))
    if kind == "locomo":
        return _conversation_parts(app, read_locomo(parsed(text)), conversation)
    session = "" if str(source) == "-" else source.name
    return [_part_of(app.namespace, detect.read(text, kind, session=session, zone=zone))]


def _source_name(source: Path) -> str:
    return "standard input" if str(source) == "-" else str(source)


def _read_bytes(source: Path) -> bytes:
    from helamem.exchange import archives

    with click.open_file(str(source), "rb") as stream:
        return archives.read(stream, _source_name(source))


def _conversation_parts(app: App, found: Sequence[Conversation], chosen: str | None) -> list[Part]:
    """The namespace of each conversation; no two share one."""
    names = ", ".join(each.id for each in found)
    if chosen is not None:
        matching = [each for each in found if each.id == chosen]
        if not matching:
            raise click.UsageError(f"there is no conversation {chosen!r}; there are {names}")
        return [_locomo_part(app.namespace, matching[0])]
    if len(found) == 1:
        return [_locomo_part(app.namespace, found[0])]
    if "namespace" in app.named:
        raise click.UsageError(
            f"there are {len(found)} conversations ({names}) for one namespace; choose one with "
            "--conversation, or leave --namespace out to give each its own"
        )
    return [_locomo_part(each.id, each) for each in found]


def _locomo_part(namespace: str, conversation: Conversation) -> Part:
    return Part(namespace, turns=conversation.turns, size=len(conversation.turns))


def _part_of(namespace: str, reading: Reading) -> Part:
    return Part(
        namespace,
        turns=reading.turns,
        size=len(reading.turns),
        left_out=[each.reason for each in reading.left_out],
        losses=Counter(reason for reasons in reading.losses.values() for reason in reasons),
    )


def _export_parts(app: App, lines: Sequence[str]) -> list[Part]:
    """An export of one namespace goes into the current one; each of several into its own."""
    from helamem.exchange import export

    sections = export.sections(lines)
    if len(sections) < 2:
        return [_export_part(app.namespace, lines)]
    if "namespace" in app.named:
        raise click.UsageError(
            f"this holds {len(sections)} namespaces ({', '.join(sections)}); leave --namespace out "
            "to import each into its own"
        )
    ends = accumulate(
        map(len, sections.values()), initial=len(lines) - sum(map(len, sections.values()))
    )
    return [
        _export_part(name, section, before)
        for (name, section), before in zip(sections.items(), ends, strict=False)
    ]


def _export_part(namespace: str, lines: Sequence[str], before: int = 0) -> Part:
    """Check an export, so that malformed lines are found before anything is stored."""
    from helamem.exchange import export
    from helamem.exchange.reading import Reading

    content = export.read(lines, before=before)
    size = len(content.turns if isinstance(content, Reading) else content.episodes)
    return Part(namespace, lines=lines, size=size)


def _with_prefix(part: Part, prefix: str) -> Part:
    if not prefix:
        return part
    if part.lines:
        raise click.UsageError(
            "--session-prefix cannot be used with an export of a whole memory; leave it out"
        )
    return replace(part, turns=[replace(t, session=prefix + t.session) for t in part.turns])


def _store(app: App, part: Part) -> Receipt:
    """Store one part in its namespace; if interrupted, report the progress."""
    from helamem.cli import display

    done = 0
    with app.memory(namespace=part.namespace) as memory, display.progress(app.as_json) as show:

        def advance(n: int) -> None:
            nonlocal done
            done = n
            show(f"storing in {part.namespace}", n, part.size)

        try:
            if part.lines:
                return memory.import_(part.lines, progress=advance)
            return memory.add_many(part.turns, progress=advance)
        except (Exception, KeyboardInterrupt):
            if done and not part.lines:  # a whole memory is stored in one step
                click.echo(
                    f"Stopped after storing {done:,} turns; importing again adds the rest.",
                    err=True,
                )
            raise


def _summary(part: Part, receipt: Receipt) -> Json:
    degraded: list[Json] = [each.to_dict() for each in receipt.degraded]
    return {
        "namespace": part.namespace,
        "turns": len(receipt.ids),
        "stored": len(receipt.stored),
        "skipped": len(receipt.ids) - len(receipt.stored),
        "left_out": list(part.left_out),
        "losses": dict(part.losses),
        "degraded": degraded,
    }


def _render_receipts(receipts: Sequence[tuple[Part, Receipt]]) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    lines = []
    for part, receipt in receipts:
        there = len(receipt.ids) - len(receipt.stored)
        known = f"; {display.counted(there, 'turn')} already there" if there else ""
        stored = display.counted(len(receipt.stored), "turn")
        lines.append(f"Stored {stored} in the namespace {part.namespace}{known}.")
        lines += [f"Left out: {reason}." for reason in part.left_out[:NAMED]]
        if len(part.left_out) > NAMED:
            lines.append(f"And {len(part.left_out) - NAMED:,} more; --json names all.")
        lines += [f"In {display.counted(n, 'turn')}: {loss}." for loss, n in part.losses.items()]
        lines += [f"#{each.id}: {each.reason}." for each in receipt.degraded]
    return Text("\n".join(lines))
