"""`helamem hook`: what hosts of coding agents call at their events. It never fails them."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_BYTES = 10_000_000
MOST_LOG = 1_000_000  # bytes after which the log begins anew


@click.command(cls=Command)
@click.argument("event")
@shared_options
@pass_app
def hook(app: App, *, event: str) -> None:
    """Answer a hook of Claude Code or Codex.

    EVENT is session-start, prompt, stop or pre-compact. Whatever goes wrong is in hooks.log, in the data
    folder, and the exit code is 0.

    Example:
        helamem hook prompt < event.json
    """
    try:
        said = _answer(app, event, _given(sys.stdin.buffer.read(MOST_BYTES)))
        if said is not None:
            click.echo(json.dumps(said, ensure_ascii=False))
    except Exception:  # noqa: BLE001  # a host must never be stopped by its memory
        _log(event)


def _answer(app: App, event: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    from helamem.agents.project import namespace_of
    from helamem.config import data_folder

    namespace = app.namespace
    if "namespace" not in app.named:
        namespace = namespace_of(str(given.get("cwd") or Path.cwd()))
    if event in ("session-start", "pre-compact") and not Path(app.path()).exists():
        return None  # nothing is remembered yet
    from helamem.agents.hooks import Hooks
    from helamem.agents.sessions import Sessions

    with app.memory(namespace=namespace) as memory:
        return Hooks(memory, Sessions(data_folder() / "sessions")).run(event, given)


def _given(read: bytes) -> dict[str, Any]:
    """What the host said.

    Raises:
        ValueError, TypeError: It is no JSON object.
    """
    given = json.loads(read or b"{}")
    if not isinstance(given, dict):
        raise TypeError(f"a hook is given a JSON object, not {type(given).__name__}")
    return given


def _log(event: str) -> None:
    """Write down what went wrong; where even that cannot be done, there is nobody to tell."""
    from contextlib import suppress
    from datetime import UTC, datetime

    from helamem import private
    from helamem.config import data_folder
    from helamem.memory import SYSTEM_CLOCK

    with suppress(OSError):
        file = data_folder() / "hooks.log"
        private.make_folder(file.parent)
        private.make_file(file)
        mode = "a" if file.stat().st_size < MOST_LOG else "w"
        at = datetime.fromtimestamp(SYSTEM_CLOCK(), UTC).isoformat(timespec="seconds")
        with file.open(mode, encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{at} {event!r}\n{traceback.format_exc()}\n")
