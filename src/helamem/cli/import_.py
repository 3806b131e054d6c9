"""`helamem import`: a conversation in any of the known formats, all of it or nothing."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from helamem.exchange.formats import Conversation
    from helamem.records import Json, Receipt, Turn

FORMATS = ("auto", "locomo", "jsonl", "chatgpt", "claude", "messages", "helamem")


@dataclass(frozen=True, slots=True)
class Part:
    """What goes into one namespace: turns, or the lines of an export of a whole memory."""

    namespace: str
    turns: Sequence[Turn] = ()
    lines: Sequence[str] = ()
    size: int = 0


@click.command("import", cls=Command)
@click.argument("source", metavar="FILE", type=click.File("r", encoding="utf-8"))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="auto",
    show_default=True,
    help="What the file is.",
)
@click.option(
    "--conversation", metavar="ID", help="Which conversation, where a LoCoMo file has several."
)
@click.option(
    "--session-prefix", default="", metavar="TEXT", help="Put before every session's name."
)
@shared_options
@pass_app
def import_(
    app: App, source: IO[str], form: str, conversation: str | None, session_prefix: str
) -> None:
    """Remember the conversations in a file.

    `-` is standard input. The formats are LoCoMo's JSON, JSON lines, ChatGPT's and Claude's
    conversations.json, a list of messages, and what `export` writes.

    Everything is read and checked before anything is stored: a malformed line is reported by its
    number, and then nothing is stored. Importing a file again stores only what is new.

    A LoCoMo file with one conversation goes into the namespace. With several, each goes into a
    namespace of its own, named after the conversation, or one is chosen with --conversation.

    Example:
        helamem import chat.jsonl
        cat export.jsonl | helamem --file new.db import -
    """
    with _or_nothing(source.name):
        parts = _parts(app, source.read(), form, conversation, session_prefix)
    receipts = {part.namespace: _store(app, part) for part in parts}
    data: list[Json] = [_summary(name, receipt) for name, receipt in receipts.items()]
    app.show({"namespaces": data}, lambda: _told(receipts))


@contextmanager
def _or_nothing(name: str) -> Iterator[None]:
    """Say of an error while reading which file it is about, and that nothing was stored."""
    from helamem.errors import DataError

    try:
        yield
    except UnicodeDecodeError as exc:
        raise DataError(f"{name} is not UTF-8 text; nothing was stored") from exc
    except (ValueError, TypeError) as exc:
        raise DataError(f"{name}: {exc}; nothing was stored") from exc


def _parts(
    app: App, text: str, form: str, conversation: str | None, session_prefix: str
) -> list[Part]:
    from helamem.exchange import formats

    kind = formats.detect(text) if form == "auto" else form
    if conversation is not None and kind != "locomo":
        raise click.UsageError("--conversation is for LoCoMo files")
    if kind == "helamem":
        if session_prefix:
            raise click.UsageError("--session-prefix does not go with an export of a whole memory")
        return [_whole_memory(app.namespace, text.split("\n"))]
    if kind == "locomo":
        parts = _conversations(app, formats.read_locomo(_json(text)), conversation)
    else:
        parts = [_part(app.namespace, _turns(text, kind))]
    return [_with_prefix(part, session_prefix) for part in parts]


def _conversations(app: App, found: Sequence[Conversation], chosen: str | None) -> list[Part]:
    """Which conversation goes where: two never share a memory."""
    names = ", ".join(each.id for each in found)
    if chosen is not None:
        matching = [each for each in found if each.id == chosen]
        if not matching:
            raise click.UsageError(f"there is no conversation {chosen!r}; there are {names}")
        return [_part(app.namespace, matching[0].turns)]
    if len(found) == 1:
        return [_part(app.namespace, found[0].turns)]
    if "namespace" in app.named:
        raise click.UsageError(
            f"there are {len(found)} conversations ({names}), and one namespace: choose one with "
            f"--conversation, or leave --namespace out, and each goes into one of its own"
        )
    return [_part(each.id, each.turns) for each in found]


def _part(namespace: str, turns: Sequence[Turn]) -> Part:
    return Part(namespace, turns=turns, size=len(turns))


def _whole_memory(namespace: str, lines: Sequence[str]) -> Part:
    """An export, read once here so that a malformed line is found before anything is stored."""
    from helamem.exchange import export

    content = export.read(lines)
    size = len(content if isinstance(content, list) else content.episodes)
    return Part(namespace, lines=lines, size=size)


def _turns(text: str, kind: str) -> list[Turn]:
    from helamem.exchange import formats

    if kind == "jsonl":
        return list(formats.read_jsonl(text.split("\n")))
    read = {
        "chatgpt": formats.read_chatgpt,
        "claude": formats.read_claude,
        "messages": formats.read_messages,
    }[kind]
    return read(_json(text))


def _json(text: str) -> Json:
    import json

    value: Json = json.loads(text.lstrip("\ufeff"))
    return value


def _with_prefix(part: Part, prefix: str) -> Part:
    if not prefix:
        return part
    return replace(part, turns=[replace(t, session=prefix + t.session) for t in part.turns])


def _store(app: App, part: Part) -> Receipt:
    """Put one part into its namespace; if it stops half-way, say how far it came."""
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
                    f"Stopped after {done:,} turns, which are stored; importing again adds the rest.",
                    err=True,
                )
            raise


def _summary(namespace: str, receipt: Receipt) -> Json:
    degraded: list[Json] = [each.to_dict() for each in receipt.degraded]
    return {
        "namespace": namespace,
        "turns": len(receipt.ids),
        "stored": len(receipt.stored),
        "skipped": len(receipt.ids) - len(receipt.stored),
        "degraded": degraded,
    }


def _told(receipts: dict[str, Receipt]) -> RenderableType:
    from rich.text import Text

    from helamem.cli import display

    lines = []
    for namespace, receipt in receipts.items():
        there = len(receipt.ids) - len(receipt.stored)
        known = f"; {display.counted(there, 'turn')} already there" if there else ""
        stored = display.counted(len(receipt.stored), "turn")
        lines.append(f"Stored {stored} in the namespace {namespace}{known}.")
        lines += [f"#{each.id}: {each.reason}." for each in receipt.degraded]
    return Text("\n".join(lines))
