"""Refuses what a query string says that no route reads, so that no condition is dropped in silence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Request  # noqa: TC002  # FastAPI reads annotations at run time

from helamem.hints import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi.dependencies.models import Dependant as Reader


async def only_known_once(request: Request) -> None:
    """Require that each parameter of the query string is known to the route, and given once.

    Raises:
        TypeError: One is unknown.
        ValueError: One is given twice.
    """
    known = sorted(set(_names(request.scope["route"].dependant)))
    for name in request.query_params:
        if name not in known:
            raise TypeError(f"unknown query parameter {name!r:.60}{_advice(name, known)}")
        if len(request.query_params.getlist(name)) > 1:
            raise ValueError(f"the query parameter {name!r} is given more than once")


def _advice(name: str, known: list[str]) -> str:
    listed = f"; there are: {', '.join(known)}" if known else "; this address takes none"
    return did_you_mean(name, known) or listed


def _names(reader: Reader) -> Iterator[str]:
    yield from (field.alias for field in reader.query_params)
    for each in reader.dependencies:
        yield from _names(each)
