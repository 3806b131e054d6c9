"""Measurements in processes of their own, so that none finds the memory of another, and their time is bounded."""

from __future__ import annotations

import mmap
import multiprocessing
import signal
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias

from helamem.evaluation.summaries import percentiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection

Part: TypeAlias = "dict[str, Any]"

ENDING_S = 10.0  # seconds that a process has to end by itself
_STATM = Path("/proc/self/statm")


class Runner(Protocol):
    """Runs a generator to its end, and puts together what it yields."""

    def __call__(
        self,
        work: Callable[..., Iterator[Part]],
        *arguments: Any,  # noqa: ANN401  # the work's own
        within_s: float | None = None,
    ) -> tuple[Part, str]:
        """All parts in one, and why it did not come to its end; "" if it did."""
        ...


def here(
    work: Callable[..., Iterator[Part]],
    *arguments: Any,  # noqa: ANN401
    within_s: float | None = None,  # noqa: ARG001
) -> tuple[Part, str]:
    """In this process, and without a bound."""
    return {name: value for part in work(*arguments) for name, value in part.items()}, ""


def apart(
    work: Callable[..., Iterator[Part]],
    *arguments: Any,  # noqa: ANN401
    within_s: float | None = None,
) -> tuple[Part, str]:
    """In a fresh process, which is killed after some seconds; what it has yielded by then is kept.

    Args:
        work: A function of a module, and its arguments: they are pickled.
        within_s: None waits for as long as it takes.

    Raises:
        RuntimeError: The work raised; the message has its traceback.
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sending, work, arguments), daemon=True)
    process.start()
    sending.close()  # so that the end of the process is the end of the pipe
    try:
        found, why = _received(receiving, within_s)
        process.join(0 if why else ENDING_S)
        return found, why
    finally:
        process.kill()
        process.join()
        receiving.close()


def _work(
    sending: Connection, work: Callable[..., Iterator[Part]], arguments: tuple[Any, ...]
) -> None:
    """What the process does: it sends parts, then None, or the traceback of what was raised."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # who interrupts the measurement kills this process
    try:
        for part in work(*arguments):
            sending.send(part)
        sending.send(None)
    except MemoryError:
        sending.close()
    except Exception:  # noqa: BLE001  # it is raised where the work was asked for
        sending.send(traceback.format_exc())


def _received(receiving: Connection, within_s: float | None) -> tuple[Part, str]:
    ends = None if within_s is None else time.monotonic() + within_s
    found: Part = {}
    while receiving.poll(None if ends is None else max(0.0, ends - time.monotonic())):
        try:
            sent = receiving.recv()
        except EOFError:
            return found, "its process was ended, most likely since memory ran out"
        if sent is None:
            return found, ""
        if isinstance(sent, str):
            raise RuntimeError(f"a measurement failed in its process:\n{sent}")  # noqa: TRY004
        found |= sent
    return found, f"it was not through after {within_s:,g} seconds"


def resident() -> int | None:
    """The bytes of RAM that this process takes; None where the system does not tell."""
    if not _STATM.is_file():
        return None
    return int(_STATM.read_text(encoding="ascii").split()[1]) * mmap.PAGESIZE


class Cost(NamedTuple):
    """What a call takes.

    Attributes:
        ms: Milliseconds that pass; what else the machine does makes them more.
        cpu_ms: Milliseconds of processor time of this process.
    """

    ms: float
    cpu_ms: float


def cost(function: Callable[..., object], *arguments: object) -> Cost:
    """What a call takes."""
    started, processor = time.perf_counter(), time.process_time()
    function(*arguments)
    return Cost(1e3 * (time.perf_counter() - started), 1e3 * (time.process_time() - processor))


def summed_up(name: str, costs: Sequence[Cost]) -> Part:
    """Percentiles of both kinds of time, under a name."""
    return {
        f"{name}_ms": percentiles([each.ms for each in costs]),
        f"{name}_cpu_ms": percentiles([each.cpu_ms for each in costs]),
    }
