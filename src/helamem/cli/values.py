"""How the values of options are read: times, lists of ids, JSON objects."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from helamem.records import utc

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Decorated = TypeVar("Decorated", bound=Callable[..., object])


def moment(text: str) -> datetime:
    """A time in ISO 8601, with its zone.

    Raises:
        BadParameter: It is not one.
    """
    try:
        return utc(datetime.fromisoformat(text))
    except ValueError as exc:
        raise click.BadParameter(f"{exc} (a time is written like 2025-03-03T19:10:00Z)") from exc


def ids(text: str) -> tuple[int, ...]:
    """Ids of memories, separated by commas.

    Raises:
        BadParameter: One of them is not a number.
    """
    try:
        return tuple(int(each.strip().removeprefix("#")) for each in text.split(","))
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is not a list of ids like 1,2") from exc


def json_object(text: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        BadParameter: It is not one.
    """
    try:
        found = json.loads(text)
    except json.JSONDecodeError as exc:
        raise click.BadParameter(f"{text!r} is not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise click.BadParameter(f'{text!r} is not a JSON object like {{"key": "value"}}')
    return found


def filter_options(command: Decorated) -> Decorated:
    """Give a command the options that restrict which memories it looks at."""
    command = click.option("--session", help="Only this conversation.")(command)
    command = click.option("--speaker", help="Only what this person said.")(command)
    return click.option(
        "--filter",
        "conditions",
        type=json_object,
        metavar="JSON",
        help='Any conditions, like \'{"at": {"gte": "2025-01-01T00:00:00Z"}}\'.',
    )(command)


def conditions_of(
    conditions: dict[str, Any] | None, speaker: str | None, session: str | None
) -> dict[str, Any] | None:
    """The filter that these options ask for together; None for no filter."""
    short = {"speaker": speaker, "session": session}
    parts = [{name: value} for name, value in short.items() if value is not None]
    if conditions:
        parts.append(conditions)
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else {"AND": parts}
