"""`helamem hook`: what hosts of coding agents call at their events. It never fails them."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractContextManager

    from helamem.agents.hooks import Hooks
    from helamem.engine import Engine
    from helamem.server.memories import Memories

MOST_BYTES = 10_000_000
ASKED = {"file", "namespace"}  # the options that a process that stays can follow
MOST_LOG = 1_000_000  # bytes after which the log begins anew


@click.command(cls=Command)
@click.argument("event")
@click.option(
    "--project",
    envvar="CLAUDE_PROJECT_DIR",
    metavar="FOLDER",
    help="Work on the memory of this folder's repository, wherever the agent is now.",
)
@shared_options
@pass_app
def hook(app: App, *, event: str, project: str | None) -> None:
    """Answer a hook of Claude Code or Codex.

    EVENT is session-start, prompt, stop or pre-compact. Whatever goes wrong is in hooks.log, in the data
    folder, and the exit code is 0.

    Example:
        helamem hook prompt < event.json
    """
    try:
        given = _read_event(sys.stdin.buffer.read(MOST_BYTES))
        if project:
            given["cwd"] = project
        said = _answer(app, event, given)
        if said is not None:
            click.echo(json.dumps(said, ensure_ascii=False))
    except Exception:  # noqa: BLE001  # a host must never be stopped by its memory
        import traceback

        _log(event, traceback.format_exc())


def residing(memories: Memories) -> AbstractContextManager[bool]:
    """Answer hooks for as long as the block runs, with these memories."""
    from helamem.agents.resident import Refused
    from helamem.agents.resident import residing as reside
    from helamem.places import data_folder

    def answer(request: Mapping[str, Any]) -> Any:
        if _file(App(file=request["file"])) != _file(App(file=str(memories.path))):
            raise Refused
        given = request["given"]
        with memories.namespace(request["namespace"] or _project(given)) as memory:
            return _hooks(memory).run(request["event"], given)

    return reside(data_folder(), answer)


def _answer(app: App, event: str, given: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the host is told: by a process that stays, if there is one, or else by this one."""
    from helamem.agents.calling import ask
    from helamem.places import data_folder

    given = {"cwd": str(Path.cwd()), **given}
    namespace = app.namespace if "namespace" in app.named else None
    file = None if app.file is None else str(Path(app.file).expanduser().absolute())
    request = {"event": event, "given": given, "namespace": namespace, "file": file}
    answered = None if app.named - ASKED else ask(data_folder(), request)
    if answered is None or "refused" in answered:
        return _answer_here(app, event, given, namespace or _project(given))
    if "error" in answered:
        _log(event, answered["error"])
    said: dict[str, Any] | None = answered.get("said")
    return said


def _answer_here(
    app: App, event: str, given: Mapping[str, Any], namespace: str
) -> dict[str, Any] | None:
    if event in ("session-start", "pre-compact") and not Path(app.path()).exists():
        return None  # nothing is remembered yet
    with app.memory(namespace=namespace) as memory:
        return _hooks(memory).run(event, given)


def _file(app: App) -> Path:
    return Path(app.path()).absolute()


def _hooks(memory: Engine) -> Hooks:
    from helamem.agents.hooks import Hooks
    from helamem.agents.sessions import Sessions
    from helamem.places import data_folder

    return Hooks(memory, Sessions(data_folder() / "sessions"))


def _project(given: Mapping[str, Any]) -> str:
    from helamem.agents.project import namespace_of

    return namespace_of(str(given["cwd"]))


def _read_event(read: bytes) -> dict[str, Any]:
    """What the host said.

    Raises:
        ValueError, TypeError: It is no JSON object.
    """
    given = json.loads(read or b"{}")
    if not isinstance(given, dict):
        raise TypeError(f"a hook is given a JSON object, not {type(given).__name__}")
    return given


def _log(event: str, trace: str) -> None:
    """Write down what went wrong; where even that cannot be done, there is nobody to tell."""
    from datetime import UTC, datetime

    from helamem import private
    from helamem.memory import SYSTEM_CLOCK
    from helamem.places import data_folder

    with suppress(OSError):
        file = data_folder() / "hooks.log"
        private.make_folder(file.parent)
        private.make_file(file)
        mode = "a" if file.stat().st_size < MOST_LOG else "w"
        at = datetime.fromtimestamp(SYSTEM_CLOCK(), UTC).isoformat(timespec="seconds")
        with file.open(mode, encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{at} {event!r}\n{trace}\n")
