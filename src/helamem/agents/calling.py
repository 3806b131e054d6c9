"""How a hook asks a resident process. Quick to import."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SOCKET, LOG = "hooks.sock", "hooks.log"  # in the data folder
WAIT_S = 8.0  # seconds; a host waits ten


def ask(folder: Path, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """The answer of the resident process; None if there is none, or it serves another memory.

    Args:
        folder: The user's data folder, which holds its socket.
    """
    place = folder / SOCKET
    if not place.exists():
        return None
    import socket  # noqa: PLC0415  # slow, and mostly not needed

    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(WAIT_S)
            line.connect(str(place))
            line.sendall(json.dumps(request).encode())
            line.shutdown(socket.SHUT_WR)
            with line.makefile("rb") as answer:
                read = json.loads(answer.read())
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None
