"""A resident process answers hooks, so that they need not load what a memory needs.

`helamem mcp` and `helamem serve` listen on a socket in the user's data folder, which nobody else can reach. One
line of JSON goes each way.
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
    """Answer hooks while the block runs, unless another process does.

    Args:
        folder: The user's data folder.
        answer: Answers a request; may raise `Refused`.

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
        (folder / SOCKET).unlink(missing_ok=True)  # while this process has it, so it is its own
        server.shutdown()
        server.server_close()


def _listening(place: Path, answer: Answer) -> socketserver.BaseServer | None:
    """A server on a socket; None if there are no sockets, or another process has it."""
    if not hasattr(socketserver, "ThreadingUnixStreamServer"):
        return None  # Windows
    try:
        private.make_folder(place.parent)
        with private.locked(place.parent):  # of two that start together, one has it
            if _is_answered(place):
                return None
            place.unlink(missing_ok=True)  # left by a killed process
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
            if read:  # not only a probe of the socket
                reply = json.dumps(_answered(read, answer)).encode()
                with contextlib.suppress(OSError):  # the hook has stopped waiting
                    self.wfile.write(reply)

    return Handler


def _answered(read: bytes, answer: Answer) -> dict[str, Any]:
    """The reply: an answer, a refusal, or an error."""
    try:
        return {"said": answer(json.loads(read))}
    except Refused:
        return {"refused": True}
    except Exception:  # noqa: BLE001  # the hook logs it
        return {"error": traceback.format_exc()}
