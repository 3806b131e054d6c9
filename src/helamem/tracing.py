"""Spans for OpenTelemetry, in processes that use it; elsewhere they cost nothing.

Nothing here imports OpenTelemetry: a process that wants spans has imported it already. A span holds numbers and the names
of routes and errors, never a text, a question or the name of a namespace.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Literal, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

API = "opentelemetry.trace"
NAME = "helamem"
P = ParamSpec("P")
R = TypeVar("R")


class Span:
    """A running step; without OpenTelemetry, it does nothing.

    Args:
        tracer: Makes the spans of inner steps.
        span: Its own span, if there are spans.
    """

    __slots__ = ("_span", "_started", "_tracer")

    def __init__(self, tracer: Any = None, span: Any = None) -> None:  # noqa: ANN401  # OpenTelemetry's
        self._tracer = tracer
        self._span = span
        self._started = time.time_ns() if span is not None else 0

    def rename(self, name: str) -> None:
        """Set its final name."""
        if self._span is not None:
            self._span.update_name(name)

    def note(self, **facts: float | str) -> None:
        """Add attributes; "__" in a name is a dot."""
        if self._span is not None:
            self._span.set_attributes(_dotted(facts))

    def fail(self, error: str) -> None:
        """Mark it as failed, with the kind of the error."""
        if self._span is not None:
            self._span.set_attribute("error.type", error)
            self._span.set_status(sys.modules[API].StatusCode.ERROR)

    def steps(self, milliseconds: Mapping[str, float]) -> None:
        """Add its finished steps as consecutive spans from its start."""
        if self._span is None:
            return
        at = self._started
        for name, took in milliseconds.items():
            step = self._tracer.start_span(f"{NAME}.{name}", start_time=at)
            at += int(took * 1e6)
            step.end(end_time=at)


OFF = Span()


@contextmanager
def span(name: str, **facts: float | str) -> Iterator[Span]:
    """A span around a block; an error is recorded by its kind.

    Args:
        name: The name of the step.
        facts: Attributes; "__" in a name is a dot.
    """
    api: Any = sys.modules.get(API)
    if api is None:
        yield OFF
        return
    with _opened(api, f"{NAME}.{name}", facts) as opened:
        yield opened


@contextmanager
def span_of_generator(name: str) -> Iterator[Span]:
    """A span around a block of a generator; it has no inner spans, since its caller's code runs in between."""
    api: Any = sys.modules.get(API)
    if api is None:
        yield OFF
        return
    with _opened(api, f"{NAME}.{name}", {}, start="start_span") as opened:
        yield opened


def traced(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Decorate a function so that each call of it has a span."""

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        @wraps(function)
        def call(*args: P.args, **named: P.kwargs) -> R:
            with span(name):
                return function(*args, **named)

        return call

    return decorated


@contextmanager
def request(method: str, headers: Mapping[str, str]) -> Iterator[Span]:
    """A span for a request of a service, below the caller's span if its headers name one."""
    api: Any = sys.modules.get(API)
    if api is None:
        yield OFF
        return
    from opentelemetry.propagate import extract  # noqa: PLC0415  # it is there, then

    facts: dict[str, float | str] = {"http__request__method": method}
    caller, kind = extract(headers), api.SpanKind.SERVER
    with _opened(api, method, facts, context=caller, kind=kind) as opened:
        yield opened


@contextmanager
def _opened(
    api: Any,  # noqa: ANN401  # the module
    name: str,
    facts: Mapping[str, float | str],
    *,
    start: Literal["start_span", "start_as_current_span"] = "start_as_current_span",
    **more: Any,  # noqa: ANN401  # as `start_span` takes them
) -> Iterator[Span]:
    tracer = api.get_tracer(NAME)
    with getattr(tracer, start)(
        name,
        attributes=_dotted(facts),
        record_exception=False,  # its message may quote a memory
        set_status_on_exception=False,
        **more,
    ) as own:
        opened = Span(tracer, own)
        try:
            yield opened
        except Exception as error:
            opened.fail(type(error).__name__)
            raise


def _dotted(facts: Mapping[str, float | str]) -> dict[str, float | str]:
    return {name.replace("__", "."): value for name, value in facts.items()}
