"""Requests to a service, as values. No I/O."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar
from urllib.parse import quote

from helamem import arguments
from helamem.errors import NotFoundError
from helamem.frozen import dataclass
from helamem.moments import in_zone, utc
from helamem.plain import plain
from helamem.remote.answers import parsed

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
    from datetime import datetime

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request.

    Attributes:
        path: The path below the namespace; with a leading slash, from the root.
        params: The query; None values are left out.
        content: The body.
        progress: Called with the progress, if the answer streams it.
    """

    method: str
    path: str
    params: Mapping[str, Any]
    content: Iterable[bytes] | None = None
    progress: Callable[[int], None] | None = None

    def options(self, namespace: str) -> dict[str, Any]:
        """The request as httpx takes it, without its body."""
        params = {name: each for name, each in self.params.items() if each is not None}
        lines = self.progress is not None
        kind = "application/x-ndjson" if lines else "application/json"
        return {
            "method": self.method,
            "url": self.path if self.path.startswith("/") else f"{place(namespace)}/{self.path}",
            "params": params,
            "headers": {"Content-Type": kind} if self.content is not None else {},
        }

    def event(self, line: str) -> dict[str, Any]:
        """One line of a streamed answer; `progress` is called if the line says how much is done."""
        event: dict[str, Any] = parsed(line)
        if "done" in event and self.progress is not None:
            self.progress(event["done"])
        return event


# A generator that yields requests, is sent the answers as JSON, and returns an R.
Asks: TypeAlias = "Generator[Request, Any, R]"


def get(path: str, **params: object) -> Request:
    """A GET request."""
    return Request(method="GET", path=path, params=params)


def with_body(method: str, path: str, body: Mapping[str, Any], **params: object) -> Request:
    """A request with a JSON body."""
    return Request(method=method, path=path, params=params, content=[encoded(body)])


def post(path: str, **body: object) -> Request:
    """A POST request; the keywords are its JSON body."""
    return with_body("POST", path, body)


def encoded(value: object) -> bytes:
    """A value as JSON.

    Raises:
        TypeError: It cannot be written as JSON.
    """
    return json.dumps(plain(value)).encode("ascii")


def moment(at: datetime | None) -> str | None:
    """A time in ISO 8601; the service decides on a time without a zone.

    Raises:
        TypeError, ValueError: It is not a time, or lies outside of the years 1 to 9999.
    """
    if at is None:
        return None
    utc(in_zone(at, UTC))
    return at.isoformat()


def checked_id(id_: object) -> int:
    """An id that may exist.

    Raises:
        TypeError: It is not an id.
        NotFoundError: No memory has such an id.
    """
    found = arguments.id_(id_)
    if found < 1:
        raise NotFoundError("memory", found)
    return found


def checked_ids(name: str, value: object) -> list[int]:
    """The ids in an argument, each checked by `checked_id`."""
    return [checked_id(each) for each in arguments.ids(name, value)]


def place(namespace: str) -> str:
    """The path of a namespace.

    Raises:
        TypeError, ValueError: It is not text, or cannot be part of an address.
    """
    name = arguments.text("namespace", namespace, "name one, for example 'maya'")
    if "/" in name or name in (".", ".."):
        raise ValueError(
            f"namespace {name!r} cannot be part of an address; use one without slashes"
        )
    return f"/v1/namespaces/{quote(name, safe='')}"


def encoded_lines(lines: Iterable[str]) -> Iterator[bytes]:
    """Lines as bytes, each with a line break."""
    return (line.rstrip("\r\n").encode("utf-8") + b"\n" for line in lines)


def no_progress(_: int) -> None:
    """Ignore progress that nobody asked for."""
