"""Resources that a host can attach: the profile, and single memories, all quoted."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError, ToolError

from helamem.errors import NotFoundError
from helamem.mcp.shapes import ABOUT
from helamem.mcp.tools import id_of
from helamem.models import prompts
from helamem.records import Fact

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mcp.server import MCPServer

    from helamem.consolidation.profiles import Profile
    from helamem.mcp.access import Access
    from helamem.memory import Memory
    from helamem.records import Json


def add(server: MCPServer[Access], access: Access) -> None:
    """Offer the profile and the memories of a server."""

    @server.resource(
        "helamem://profile",
        name="profile",
        title="What is known about everybody",
        description="A few facts about each person, with their sources.",
        mime_type="text/plain",
    )
    def profile() -> str:
        with _read(access) as memory:
            return _quoted("profile", _profile_lines(memory.profile()))

    @server.resource(
        "helamem://memories/{id}",
        name="memory",
        title="One memory",
        description="Its whole text, with who said it and when.",
        mime_type="text/plain",
    )
    def one(id: str) -> str:  # noqa: A002  # the name in the address
        with _read(access) as memory:
            found = memory.get(id_of(id))
        if isinstance(found, Fact):
            return _quoted("memories", [prompts.fact_line(found)])
        return _quoted("memories", [prompts.episode_line(found)])


@contextmanager
def _read(access: Access) -> Iterator[Memory]:
    """The memory of this call, with errors as errors of the protocol."""
    try:
        with access.opened("read") as memory:
            yield memory
    except ToolError as error:
        missing = isinstance(error.__cause__, NotFoundError)
        kind = ResourceNotFoundError if missing else ResourceError
        raise kind(str(error)) from error


def _quoted(tag: str, lines: Iterable[Mapping[str, Json]]) -> str:
    return f"{ABOUT}\n{prompts.quoted(tag, lines)}"


def _profile_lines(profiles: Iterable[Profile]) -> Iterator[dict[str, Json]]:
    for each in profiles:
        about = each.name or ("the assistant" if each.agent else "")
        for line in each.lines:
            yield {"id": line.fact, "about": about, "text": line.text}
