"""`helamem mcp`: the memory as a server of the Model Context Protocol."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack, suppress
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING

import click

import helamem
from helamem.cli.hook import residing
from helamem.cli.program import Command
from helamem.cli.serve import (
    end_when_told,
    is_loopback,
    keys_of,
    listening_options,
    require_free,
)
from helamem.cli.settings import App, pass_app, shared_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from mcp.server import MCPServer

    from helamem.mcp.access import Access
    from helamem.server.memories import Memories


@click.command(cls=Command)
@click.option("--http", is_flag=True, help="Serve HTTP instead of standard input.")
@listening_options(port=8421)
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="Another name by which clients reach this machine; may be given several times.",
)
@click.option(
    "--project",
    envvar="CLAUDE_PROJECT_DIR",
    type=click.Path(exists=True, file_okay=False),
    metavar="FOLDER",
    help="Use the memory of this folder's repository, unless a namespace is named.",
)
@click.option(
    "--session",
    envvar="CLAUDE_CODE_SESSION_ID",
    metavar="ID",
    help="The host's session, so that its hooks learn from what tools recalled.",
)
@shared_options
@pass_app
def mcp(
    app: App,
    *,
    http: bool,
    host: str,
    port: int,
    names: tuple[str, ...],
    project: str | None,
    session: str | None,
) -> None:
    """Serve a memory to an agent's host by MCP.

    All calls use the namespace of --namespace or --project, or over HTTP that of the client's key.

    Example:
        helamem mcp --namespace maya
    """
    if project is not None and "namespace" not in app.named:
        from helamem.agents.project import namespace_of

        app.namespace = namespace_of(project)
    memories = _memories(app)
    if not http:
        if sys.stdin.isatty():
            app.note(
                "This speaks MCP over standard input, for a host that starts it; Ctrl-C ends it."
            )
        server = _server(app, memories, session=session)
        with ExitStack() as held:
            held.callback(memories.close)
            held.enter_context(residing(memories))
            _end_at_once_when_told(held.close)
            server.run("stdio")
        return
    _refuse_strangers(app, host)
    require_free(host, port)
    url = f"http://{host}:{port}/mcp"
    server = _server(app, memories, url=url)
    from helamem.mcp.app import transport_security
    from helamem.places import shown

    end_when_told()
    click.echo(f"Serving {shown(app.path())} on {url}.", err=True)
    security = transport_security(host, names)
    with residing(memories), suppress(KeyboardInterrupt):
        server.run("streamable-http", host=host, port=port, transport_security=security)


def _end_at_once_when_told(close: Callable[[], None]) -> None:
    """Let SIGTERM and SIGINT end this process, although a thread of the SDK waits for a line that may never come."""

    def end(*_: object) -> None:
        close()
        os._exit(0)

    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, end)


def _refuse_strangers(app: App, host: str) -> None:
    if not keys_of(app) and not is_loopback(host):
        raise click.UsageError(
            f"{host} can be reached from other machines, so the server needs keys; make one first: "
            "helamem keys create --namespace maya"
        )


def _memories(app: App) -> Memories:
    from helamem.server.memories import Memories

    return Memories(app.path(), app.config())


def _server(
    app: App, memories: Memories, *, url: str | None = None, session: str | None = None
) -> MCPServer[Access]:
    """The server for these options; with a URL it needs keys once one was made."""
    try:
        from helamem.mcp.access import Access
        from helamem.mcp.app import create_server
    except ImportError as error:
        from helamem.errors import MissingExtraError

        raise MissingExtraError("mcp", "mcp") from error
    from helamem.agents.sessions import Sessions, Tie
    from helamem.memory import SYSTEM_CLOCK
    from helamem.places import data_folder

    access = Access(
        memories=memories,
        namespace=app.namespace,
        clock=SYSTEM_CLOCK,
        keys=keys_of(app) if url else None,
        tie=Tie(Sessions(data_folder() / "sessions"), session) if session else None,
    )
    return create_server(access, url=url, version=_version())


def _version() -> str:
    try:
        return helamem.__version__
    except PackageNotFoundError:  # run from the sources, not installed
        return ""
