"""Chooses the memory of a call: that of the launch or of the key, never one named by an argument."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import field
from typing import TYPE_CHECKING

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.mcpserver.exceptions import ToolError

from helamem.errors import HelaMemError
from helamem.frozen import dataclass
from helamem.server.keys import SCOPES
from helamem.server.recalls import LatestRecalls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.agents.sessions import Tie
    from helamem.memory import Memory
    from helamem.protocols import Clock
    from helamem.server.keys import Key, Keys, Scope
    from helamem.server.memories import Memories

WILDCARDS = "*?["
# Errors that a caller can act on; the SDK logs any other and hides its text.
EXPECTED = (HelaMemError, ValueError, TypeError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The memories of a server, and access to them.

    Attributes:
        namespace: The namespace of the launch.
        keys: The keys that open it over HTTP, once one was made; None for standard input.
        clock: Epoch seconds, for expiry of keys.
        tie: The session of the host that started this server, if known.
        recalls: What its tools showed, until feedback comes.
    """

    memories: Memories
    namespace: str
    clock: Clock
    keys: Keys | None = None
    tie: Tie | None = None
    recalls: LatestRecalls = field(default_factory=LatestRecalls)

    @contextmanager
    def opened(self, scope: Scope) -> Iterator[Memory]:
        """The memory of this call, if its key may do this there.

        Raises:
            ToolError: It may not, or the block raised an error that the caller can act on.
        """
        try:
            with self.memories.namespace(self._allowed(scope)) as memory:
                yield memory
        except EXPECTED as error:
            raise ToolError(" ".join(str(error).split()) or type(error).__name__) from error

    def _allowed(self, scope: Scope) -> str:
        if self.keys is None or not self.keys.are_needed():
            return self.namespace
        token = get_access_token()
        if token is None:  # with keys at its start, the SDK lets no such request through
            raise ToolError("Keys were made since this server started; start it again to use them.")
        key = self.keys.find(token.token, now=self.clock())
        if key is None:
            raise ToolError("This server needs a key; `helamem keys create` makes one.")
        namespace = namespace_of(key, self.namespace)
        if not key.opens(namespace, scope):
            raise ToolError(
                f"This key may not {scope} in the namespace {namespace!r}; use "
                f"one made for it with --scope {scope}."
            )
        return namespace


def namespace_of(key: Key, launched: str) -> str:
    """The namespace of a key: the only one it names, else that of the launch.

    Raises:
        ToolError: It names several, and not that of the launch.
    """
    if len(key.namespaces) == 1 and not any(c in key.namespaces[0] for c in WILDCARDS):
        return key.namespaces[0]
    if key.opens(launched, "read"):
        return launched
    raise ToolError(
        "This key opens several namespaces, and a call works on one; use a key for one: helamem "
        "keys create --namespace NAME"
    )


class KeyVerifier:
    """The keys of `helamem keys` as bearer tokens."""

    def __init__(self, keys: Keys, clock: Clock) -> None:
        self._keys = keys
        self._clock = clock

    async def verify_token(self, token: str) -> AccessToken | None:
        """The rights of a key; None if it is not valid."""
        key = self._keys.find(token, now=self._clock())
        if key is None:
            return None
        may = SCOPES[: SCOPES.index(key.scope) + 1]
        expires = None if key.expires_at is None else int(key.expires_at)
        return AccessToken(
            token=token,
            client_id=key.prefix,
            scopes=list(may),
            expires_at=expires,
            subject=key.prefix,
        )
