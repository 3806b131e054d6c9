from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("mcp", reason="the extra [mcp] is not installed")

from mcp import Client
from mcp_types import ElicitResult

from helamem import Config
from helamem.mcp.access import Access
from helamem.mcp.app import create_server
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mcp.server import MCPServer
    from mcp_types import CallToolResult

    from helamem.testing import FixedClock


# Facts come of two memories that were used together.
EASY = Config.load(
    environ={"HELAMEM_CONSOLIDATION_MIN_STRENGTH": "0.1", "HELAMEM_CONSOLIDATION_MIN_DEGREE": "1"},
    embedder="hashing:64",
)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(params=["legacy", "auto"])
def era(request: pytest.FixtureRequest) -> str:
    """The handshake of 2025, and the protocol without one."""
    return str(request.param)


@pytest.fixture
def memories(tmp_path: Path) -> Memories:
    return Memories(tmp_path / "served.db", EASY)


@pytest.fixture
def server(memories: Memories, clock: FixedClock) -> MCPServer[Access]:
    return create_server(Access(memories=memories, namespace="ana", clock=clock))


class User:
    """Who sits before a host: answers what is asked, and keeps it."""

    def __init__(self, action: str, content: dict[str, Any] | None = None) -> None:
        self.asked: list[str] = []
        self._answer = ElicitResult(action=action, content=content)  # type: ignore[arg-type]

    async def __call__(self, context: object, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        return self._answer


@pytest.fixture
def connect(server: MCPServer[Access], era: str) -> Callable[..., Client]:
    """A host, in this process."""

    def opened(user: User | None = None) -> Client:
        return Client(server, mode=era, elicitation_callback=user)

    return opened


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """What a tool answers, as structured output."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, words_of(result)
    data: dict[str, Any] = result.structured_content or {}
    return data


async def refused(client: Client, tool: str, **arguments: Any) -> str:
    """The sentence with which a tool refuses."""
    result = await client.call_tool(tool, arguments)
    assert result.is_error
    return words_of(result)


def words_of(result: CallToolResult) -> str:
    return "\n".join(getattr(each, "text", "") for each in result.content)
