"""`helamem hook`, which hosts of coding agents call at their events. It never fails."""

from __future__ import annotations

import gc
import json
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from helamem.agents.hooks import Hooks
    from helamem.engine import Engine
    from helamem.server.memories import Memories

MOST_BYTES = 10_000_000
ASKED = {"file", "namespace"}  # the options that a resident process can follow
MOST_LOG = 1_000_000  # most bytes of the log; then it starts again


@click.command(cls=Command)
@click.argument("event", default="")
@click.option(
    "--project",
    envvar="CLAUDE_PROJECT_DIR",
    metavar="FOLDER",
    help="Use the memory of this folder's repository.",
)
@shared_options
@pass_app
def hook(app: App, *, event: str, project: str | None) -> None:
    """Answer a hook of Claude Code or Codex.

    EVENT is session-start, prompt, stop or pre-compact. The exit code is always 0; errors are in hooks.log
    in the data folder, and `helamem doctor` shows the last one.

    Example:
        helamem hook prompt < event.json
    """
    if not event:
        click.echo(click.get_current_context().get_help(), err=True)
        return
    try:
        with _keeping_garbage():
            payload = _read_event(sys.stdin.buffer.read(MOST_BYTES))
            if project:
                payload["cwd"] = project
            reply = _answer(app, event, payload)
        if reply is not None:
            click.echo(json.dumps(reply))  # in ASCII, whatever the output is encoded in
    except Exception:  # noqa: BLE001  # a host must never be stopped by its memory
        import traceback

        _log(event, traceback.format_exc())


@contextmanager
def _keeping_garbage() -> Iterator[None]:
    """A block after which the process ends: nothing looks through all objects for garbage, at the end neither.

    Loading makes so many objects that looking through them takes a sixth of the time of a hook.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def residing(memories: Memories) -> AbstractContextManager[bool]:
    """Answer hooks with these memories while the block runs."""
    from helamem.agents.resident import Refused
    from helamem.agents.resident import residing as reside
    from helamem.places import data_folder

    def answer(request: Mapping[str, Any]) -> Any:
        if _file(App(file=request["file"])) != _file(App(file=str(memories.path))):
            raise Refused
        payload = request["given"]
        with memories.namespace(request["namespace"] or _project(payload)) as memory:
            return _hooks(memory).run(request["event"], payload)

    return reside(data_folder(), answer)


def _answer(app: App, event: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer to the host, from a resident process if there is one."""
    from helamem.agents.calling import ask
    from helamem.places import data_folder

    payload = {"cwd": str(Path.cwd()), **payload}
    namespace = app.namespace if "namespace" in app.named else None
    file = None if app.file is None else str(_file(app))
    request = {"event": event, "given": payload, "namespace": namespace, "file": file}
    answered = None if app.named - ASKED else ask(data_folder(), request)
    if answered is None or "refused" in answered:
        return _answer_here(app, event, payload, namespace or _project(payload))
    if "error" in answered:
        _log(event, answered["error"])
    reply: dict[str, Any] | None = answered.get("said")
    return reply


def _answer_here(
    app: App, event: str, payload: Mapping[str, Any], namespace: str
) -> dict[str, Any] | None:
    from helamem.places import is_there

    if event in ("session-start", "pre-compact") and not is_there(app.path()):
        return None  # nothing is remembered yet
    with app.memory(namespace=namespace) as memory:
        return _hooks(memory).run(event, payload)


def _file(app: App) -> str | Path:
    from helamem.places import is_url

    place = app.path()
    return place if is_url(place) else Path(place).absolute()


def _hooks(memory: Engine) -> Hooks:
    from helamem.agents.hooks import Hooks
    from helamem.agents.sessions import Sessions
    from helamem.places import data_folder

    return Hooks(memory, Sessions(data_folder() / "sessions"))


def _project(payload: Mapping[str, Any]) -> str:
    from helamem.agents.project import namespace_of

    return namespace_of(str(payload["cwd"]))


def _read_event(read: bytes) -> dict[str, Any]:
    """The event of the host.

    Raises:
        ValueError, TypeError: It is not a JSON object.
    """
    payload = json.loads(read or b"{}")
    if not isinstance(payload, dict):
        raise TypeError(f"a hook reads a JSON object, not {type(payload).__name__}")
    return payload


def _log(event: str, trace: str) -> None:
    """Log an error; if even that fails, there is nobody to tell."""
    from datetime import UTC, datetime

    from helamem import private
    from helamem.agents.calling import LOG
    from helamem.memory import SYSTEM_CLOCK
    from helamem.places import data_folder

    with suppress(OSError):
        file = data_folder() / LOG
        private.make_folder(file.parent)
        private.make_file(file)
        mode = "a" if file.stat().st_size < MOST_LOG else "w"
        at = datetime.fromtimestamp(SYSTEM_CLOCK(), UTC).isoformat(timespec="seconds")
        with file.open(mode, encoding="utf-8", errors="backslashreplace") as log:
            log.write(f"{at} {event!r}\n{trace}\n")
