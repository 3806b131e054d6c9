"""A process that stays answers for hooks that come and go, so that they need not load what a memory needs.

Whoever serves a memory anyway, `helamem mcp` or `helamem serve`, listens on a socket in the user's own data folder,
which nobody else can reach. One line of JSON goes each way.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import socketserver
import threading
import traceback
from typing import TYPE_CHECKING, Any

from helamem import private
from helamem.agents.calling import SOCKET

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    Answer = Callable[[Mapping[str, Any]], Any]

logger = logging.getLogger(__name__)

MOST_BYTES = 20_000_000


class Refused(Exception):  # noqa: N818  # not an error: the hook does it itself
    """The request is about another memory than this process serves."""


@contextlib.contextmanager
def residing(folder: Path, answer: Answer) -> Iterator[bool]:
    """Answer hooks for as long as the block runs, unless another process does.

    Args:
        folder: The user's data folder.
        answer: What to say to a request; it may raise `Refused`.

    Yields:
        Whether this process answers.
    """
    server = _listening(folder / SOCKET, answer)
    if server is None:
        yield False
        return
    thread = threading.Thread(target=server.serve_forever, name="hooks", daemon=True)
    thread.start()
    try:
        yield True
    finally:
        server.shutdown()
        server.server_close()
        (folder / SOCKET).unlink(missing_ok=True)


def _listening(place: Path, answer: Answer) -> socketserver.BaseServer | None:
    """A server on a socket; None where there are none, or another process has it."""
    if not hasattr(socketserver, "ThreadingUnixStreamServer"):
        return None  # Windows
    private.make_folder(place.parent)
    if _is_answered(place):
        return None
    place.unlink(missing_ok=True)  # of a process that was killed
    try:
        server = socketserver.ThreadingUnixStreamServer(str(place), _handler(answer))
    except OSError as error:
        logger.warning("hooks are not answered by this process: %s", error)
        return None
    server.daemon_threads = True
    place.chmod(private.FILE)
    return server


def _is_answered(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(str(place))
        except OSError:
            return False
        return True


def _handler(answer: Answer) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        """One request, and its answer."""

        def handle(self) -> None:
            read = self.rfile.read(MOST_BYTES)
            if read:  # and not just a look whether somebody is there
                said = json.dumps(_answered(read, answer)).encode()
                with contextlib.suppress(OSError):  # the hook waits no longer
                    self.wfile.write(said)

    return Handler


def _answered(read: bytes, answer: Answer) -> dict[str, Any]:
    """What goes back: what is said, that it is refused, or what went wrong."""
    try:
        return {"said": answer(json.loads(read))}
    except Refused:
        return {"refused": True}
    except Exception:  # noqa: BLE001  # the hook writes it down
        return {"error": traceback.format_exc()}
