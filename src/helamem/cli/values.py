"""Parsers for option values: times, lists of ids, JSON objects."""

from __future__ import annotations

import json
import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from helamem.cli.settings import App
from helamem.moments import utc

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Decorated = TypeVar("Decorated", bound=Callable[..., object])


EXAMPLE = "2025-03-03T19:10:00Z"


class Moment(click.ParamType):  # type: ignore[type-arg]  # it takes none in older versions
    """A time in ISO 8601; without a zone it is in that of the setting `timezone`."""

    name = "time"

    def convert(
        self, value: str | datetime, param: click.Parameter | None, ctx: click.Context | None
    ) -> datetime:
        """Parse a time; a day alone means its midnight."""
        if isinstance(value, datetime):
            return value
        try:
            read = datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a time; write it like {EXAMPLE} or 2025-03-03", param, ctx)
        if read.tzinfo is None:
            app = ctx.ensure_object(App) if ctx else App()
            read = read.replace(tzinfo=app.config().zone)
        try:
            utc(read)
        except ValueError as exc:
            self.fail(str(exc), param, ctx)
        return read


moment = Moment()


def ids(text: str) -> tuple[int, ...]:
    """Ids of memories, separated by commas.

    Raises:
        BadParameter: One of them is not a number.
    """
    try:
        return tuple(int(each.strip().removeprefix("#")) for each in text.split(","))
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is not a list of ids like 1,2") from exc


def names(text: str) -> tuple[str, ...]:
    """Names, separated by commas.

    Raises:
        BadParameter: There is no name.
    """
    found = tuple(each.strip() for each in text.split(",") if each.strip())
    if not found:
        raise click.BadParameter(f"{text!r} names nothing")
    return found


def whole_numbers(text: str) -> tuple[int, ...]:
    """Whole numbers above 0, separated by commas; 1e4 is 10000.

    Raises:
        BadParameter: One of them is not.
    """
    try:
        found = tuple(_whole(each) for each in text.split(","))
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is not a list of numbers like 1000,10000") from exc
    if min(found) < 1:
        raise click.BadParameter(f"{min(found)} is not above 0")
    return found


def _whole(text: str) -> int:
    """A whole number, which may be written with an exponent.

    Raises:
        ValueError: It is not whole.
    """
    number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


def two_numbers(text: str) -> tuple[float, float]:
    """Two numbers of at least 0, separated by a comma.

    Raises:
        BadParameter: They are not.
    """
    try:
        first, second = map(float, text.split(","))
    except ValueError as exc:
        raise click.BadParameter(f"{text!r} is not two numbers like 0.15,0.60") from exc
    if not (0 <= first < math.inf and 0 <= second < math.inf):
        raise click.BadParameter(f"{text!r} are not prices: they must be 0 or more")
    return first, second


def json_object(text: str) -> dict[str, Any]:
    """A JSON object.

    Raises:
        BadParameter: It is not one.
    """
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise click.BadParameter(f"{text!r:.80} is not JSON: {exc}") from exc
    if not isinstance(found, dict):
        raise click.BadParameter(f'{text!r:.80} is not a JSON object like {{"key": "value"}}')
    return found


def filter_options(command: Decorated) -> Decorated:
    """Add the options that filter memories to a command."""
    command = click.option("--session", help="Only this conversation.")(command)
    command = click.option("--speaker", help="Only what this person said.")(command)
    return click.option(
        "--filter",
        "--where",
        "conditions",
        type=json_object,
        metavar="JSON",
        help='A JSON object of conditions, like \'{"at": {"gte": "2025-01-01T00:00:00Z"}}\'.',
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
