"""Reads answers of a service: JSON values, or problems, which become errors of `Memory`."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from helamem import errors
from helamem.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from types import ModuleType

    import httpx

DENIED = (401, 403)
_ERRORS: Mapping[str, type[Exception]] = {
    "TypeError": TypeError,
    "ValueError": ValueError,
    **{
        name: value
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.HelaMemError)
    },
}
_OF_A_PROBLEM = ("type", "title", "status", "detail", "error", "errors", "request_id")


def answered(response: httpx.Response) -> Any:  # noqa: ANN401  # JSON
    """The JSON value of a response.

    Raises:
        HelaMemError, TypeError, ValueError: The error of the service.
    """
    check(response)
    return parsed(response.text)


def parsed(text: str) -> Any:  # noqa: ANN401  # JSON
    """The JSON value of an answer, or of a line of one.

    Raises:
        StoreError: It is not JSON.
    """
    try:
        return json.loads(text)
    except ValueError:
        raise StoreError(
            f"the service answered {text!r:.60} and not JSON, so it is not a helamem service; check the address"
        ) from None


def check(response: httpx.Response) -> None:
    """Raise the error in a service's answer, if there is one.

    Raises:
        HelaMemError, TypeError, ValueError: The error of the service.
    """
    if response.is_error:
        raise error_of(_problem(response))


def reported(events: Iterable[dict[str, Any]]) -> Any:  # noqa: ANN401  # JSON
    """The result at the end of a stream of progress.

    Raises:
        HelaMemError, TypeError, ValueError: The error that ended it.
        StoreError: It ended without a result.
    """
    for event in events:
        if "result" in event:
            return event["result"]
        if "problem" in event:
            raise error_of(event["problem"])
    raise StoreError(
        "the service stopped in the middle of its answer; what it reported is done, "
        "so repeat the call for the rest"
    )


def error_of(problem: Mapping[str, Any]) -> Exception:
    """The exception behind a problem, or one with the same text."""
    detail = str(problem.get("detail", "the service failed; its log says why"))
    kind = _ERRORS.get(str(problem.get("error")))
    if kind is None:
        return (ConfigError if problem.get("status") in DENIED else StoreError)(detail)
    error = kind.__new__(kind, detail)  # bypasses its __init__, which would build another message
    vars(error).update({k: each for k, each in problem.items() if k not in _OF_A_PROBLEM})
    return error


@contextlib.contextmanager
def unreachable(httpx: ModuleType, url: str) -> Iterator[None]:
    """Turn errors of the connection into a StoreError that says what to do.

    Raises:
        StoreError: The service cannot be reached, takes too long, or breaks off.
    """
    try:
        yield
    except (httpx.TimeoutException, httpx.TransportError) as error:
        raise StoreError(
            f"the service at {url} did not answer ({error or type(error).__name__}); check that it "
            "runs: helamem serve"
        ) from error
    except RuntimeError as error:
        if "closed" not in str(error):
            raise
        raise StoreError("this client is closed; open another one") from error


def _problem(response: httpx.Response) -> Mapping[str, Any]:
    try:
        problem = response.json()
    except ValueError:
        problem = None
    if isinstance(problem, dict):
        return problem
    return {
        "detail": f"{response.url} answered {response.status_code}, so it is not a helamem "
        "service; check the address"
    }
