"""How a hook asks a process that stays. Nothing here is slow to import."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SOCKET = "hooks.sock"
WAIT_S = 8.0  # a host waits ten


def ask(folder: Path, request: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the process that stays answers; None where there is none, or it serves another memory.

    Args:
        folder: The user's data folder, in which its socket is.
    """
    if not hasattr(socket, "AF_UNIX"):
        return None
    try:
        with socket.socket(socket.AF_UNIX) as line:
            line.settimeout(WAIT_S)
            line.connect(str(folder / SOCKET))
            line.sendall(json.dumps(request).encode())
            line.shutdown(socket.SHUT_WR)
            with line.makefile("rb") as answer:
                read = json.loads(answer.read())
    except (OSError, ValueError):
        return None
    return read if isinstance(read, dict) else None
