"""`helamem serve`: serves a file's memories over HTTP; `helamem keys` manages access."""

from __future__ import annotations

import signal
import socket
import sys
from datetime import UTC, datetime
from ipaddress import ip_address
from typing import TYPE_CHECKING

import click

from helamem.cli.hook import residing
from helamem.cli.program import Command, Group
from helamem.cli.settings import App, Decorated, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from helamem.server.keys import Key, Keys

GRACE_S = 30  # seconds that a stopping service waits for running requests
KEEP_ALIVE_S = 75  # longer than proxies keep idle connections, so that no request meets one that is just being closed


def listening_options(*, port: int) -> Callable[[Decorated], Decorated]:
    """Add the options that say where a command listens."""

    def added(command: Decorated) -> Decorated:
        command = click.option(
            "--port",
            type=click.IntRange(0, 65535),
            default=port,
            show_default=True,
            help="The port to listen on; 0 for any that is free.",
        )(command)
        return click.option(
            "--host", default="127.0.0.1", show_default=True, help="The address to listen on."
        )(command)

    return added


@click.command(cls=Command)
@listening_options(port=8420)
@click.option(
    "--per-second",
    type=click.FloatRange(0),
    default=0.0,
    help="Requests per second and key; 0 for no limit.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=120.0,
    show_default=True,
    help="Seconds until an answer must begin.",
)
@shared_options
@pass_app
def serve(app: App, host: str, port: int, per_second: float, seconds: float) -> None:
    """Serve the memories of a file over HTTP.

    Without keys it listens on this machine only. /docs shows every route; `helamem keys create` makes a key.

    Example:
        helamem serve --port 8420
    """
    try:
        import uvicorn

        from helamem.places import shown
        from helamem.server.app import create_app
        from helamem.server.limits import Limits
        from helamem.server.memories import Memories
    except ImportError as error:
        from helamem.errors import MissingExtraError

        raise MissingExtraError("fastapi", "server") from error
    keys = keys_of(app)
    if not keys and not is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached from other machines, so the service needs keys; make one "
            "first: helamem keys create --namespace '*'"
        )
    require_free(host, port)
    limits = Limits(per_second=per_second, seconds=seconds)
    memories = Memories(app.path(), app.config())
    service = create_app(memories, keys, limits)
    whom = (
        "whoever has a key" if keys.are_needed() else "this machine only, since there are no keys"
    )
    end_when_told()
    click.echo(f"Serving {shown(app.path())} on http://{host}:{port}, for {whom}.", err=True)
    with residing(memories):
        uvicorn.run(
            service,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=GRACE_S,
            timeout_keep_alive=KEEP_ALIVE_S,
        )


@click.group(cls=Group)
def keys() -> None:
    """Make, list and revoke the keys of a server.

    Example:
        helamem keys create --namespace maya --scope write
    """


@keys.command(cls=Command)
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    required=True,
    metavar="PATTERN",
    help="A namespace that it opens, or a pattern; may be given several times.",
)
@click.option(
    "--scope",
    type=click.Choice(["read", "write", "admin"]),
    default="write",
    show_default=True,
    help="What it allows; each scope has those before it.",
)
@click.option(
    "--days",
    type=click.FloatRange(0, min_open=True),
    help="Days until it expires; never by default.",
)
@click.pass_context
def create(
    context: click.Context, namespaces: tuple[str, ...], scope: str, days: float | None
) -> None:
    """Make a key, and show it this once.

    Example:
        helamem keys create --namespace 'team-*' --scope read --days 30
    """
    from helamem.memory import SYSTEM_CLOCK

    now = SYSTEM_CLOCK()
    app = context.ensure_object(App)
    key = keys_of(app).create(
        namespaces=namespaces,
        scope=scope,  # type: ignore[arg-type]  # click has checked it
        now=now,
        expires_at=None if days is None else now + days * 86_400,
    )
    click.echo(key)


@keys.command("list", cls=Command)
@shared_options
@pass_app
def list_(app: App) -> None:
    """Show the keys, without their secrets.

    Example:
        helamem keys list
    """
    known = keys_of(app).all()
    data = [
        {"prefix": key.prefix, "namespaces": list(key.namespaces), "scope": key.scope,
         "created_at": _iso(key.created_at), "expires_at": key.expires_at and _iso(key.expires_at)}
        for key in known
    ]  # fmt: skip
    app.show(data, lambda: _render_keys(known))


@keys.command(cls=Command)
@click.argument("prefix")
@click.pass_context
def revoke(context: click.Context, prefix: str) -> None:
    """Revoke a key, named as in the list or given as a whole.

    Example:
        helamem keys revoke 1a2b3c4d
    """
    prefix = prefix.removeprefix("hm_").partition("_")[0]
    try:
        keys_of(context.ensure_object(App)).revoke(prefix)
    except LookupError as error:
        raise click.UsageError(str(error.args[0])) from error
    click.echo(f"Revoked {prefix}.")


def keys_of(app: App) -> Keys:
    """The keys of a memory's file, stored beside it; those of a database, in the data folder."""
    from helamem.places import beside
    from helamem.server.keys import Keys

    return Keys(beside(app.path(), ".keys.json"))


def _render_keys(known: list[Key]) -> RenderableType:
    from helamem.cli import display

    if not known:
        return "There are no keys; `helamem keys create` makes one."
    rows = display.table("key", "namespaces", "may", "expires")
    for key in known:
        expires = "never" if key.expires_at is None else _iso(key.expires_at)
        rows.add_row(key.prefix, ", ".join(key.namespaces), key.scope, expires)
    return rows


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def require_free(host: str, port: int) -> None:
    """Refuse to serve where something else does.

    Raises:
        ClickException: It cannot be listened on; the message says why.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (while")[0]  # Python says the address once more
        raise click.ClickException(
            f"cannot listen on {host}:{port}: {reason}; --port and --host choose another place"
        ) from error


def end_when_told() -> None:
    """Let SIGTERM end this process as an error would, so that what is open is closed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))


def is_loopback(host: str) -> bool:
    """Whether the address is reachable from this machine only."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
