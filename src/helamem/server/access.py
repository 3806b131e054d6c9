"""Authorization: the key of a request, and the memory that it opens."""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003  # FastAPI reads annotations at run time
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated

from fastapi import HTTPException, Path, Request

from helamem.memory import SYSTEM_CLOCK

if TYPE_CHECKING:
    from helamem.memory import Memory
    from helamem.reports import Namespace as Dropped
    from helamem.server.keys import Key, Keys, Scope
    from helamem.server.memories import Memories

Namespace = Annotated[
    str,
    Path(
        min_length=1,
        max_length=300,
        description="Whose memory: a user, an agent, a project.",
        examples=["maya"],
    ),
]
_CHALLENGE = {"WWW-Authenticate": 'Bearer realm="helamem"'}


def valid_key(request: Request) -> Key | None:
    """The valid key that a request came with; None if there is none."""
    keys: Keys | None = request.app.state.keys
    return None if keys is None else keys.find(_credentials(request), now=SYSTEM_CLOCK())


def key_of(request: Request) -> Key | None:
    """The key of a request; None if the server has no keys.

    Raises:
        HTTPException: The server has keys, and the request has no valid one.
    """
    keys = request.app.state.keys
    if keys is None or not keys.are_needed():
        return None
    key = valid_key(request)
    if key is None:
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            "Send a valid key as `Authorization: Bearer hm_...`; `helamem keys create` makes one.",
            _CHALLENGE,
        )
    return key


def require(request: Request, namespace: str, scope: Scope) -> None:
    """Check that a request may do this in this namespace.

    Raises:
        HTTPException: It may not; the answer reveals nothing about the namespace.
    """
    key = key_of(request)
    if key is not None and not key.opens(namespace, scope):
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            f"This key may not {scope} in the namespace {namespace!r}; use "
            f"one made for it with --scope {scope}.",
        )


def require_all(request: Request) -> None:
    """Check that a request may do everything in every namespace, for operations on the whole file.

    Raises:
        HTTPException: It may not.
    """
    key = key_of(request)
    if key is not None and not (key.scope == "admin" and "*" in key.namespaces):
        raise HTTPException(
            HTTPStatus.FORBIDDEN,
            "This works on the whole file; use a key made with --namespace '*' --scope admin.",
        )


@contextmanager
def opened(request: Request, namespace: str, scope: Scope) -> Iterator[Memory]:
    """The memory of a request, if its key may do this there."""
    require(request, namespace, scope)
    memories: Memories = request.app.state.memories
    with memories.namespace(namespace) as memory:
        yield memory


def drop(request: Request, namespace: str) -> Dropped:
    """Remove a whole namespace for good, if the key of a request may; return its size.

    Raises:
        ValueError: There is none; the message does not name those of others.
    """
    with opened(request, namespace, "admin") as memory:
        try:
            return memory.drop_namespace(namespace)
        except ValueError:
            raise ValueError(
                f"there is no namespace {namespace!r:.60}; GET /v1/namespaces lists yours"
            ) from None


def _credentials(request: Request) -> str:
    """The key of a request: a bearer, a token, or X-API-Key."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return value.strip()
    return request.headers.get("x-api-key", "")
