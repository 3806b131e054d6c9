from __future__ import annotations

import threading

import pytest

from helamem.consolidation.background import Reflector
from helamem.errors import LLMError
from helamem.reports import ConsolidationReport

REPORT = ConsolidationReport(hubs=1, clusters=1, unchanged=0)


class Passes:
    """Counts the passes; each waits until it may go on."""

    def __init__(self, *, error: Exception | None = None) -> None:
        self.count = 0
        self.started = threading.Semaphore(0)
        self.may_end = threading.Semaphore(0)
        self.error = error

    def __call__(self) -> ConsolidationReport:
        self.count += 1
        self.started.release()
        self.may_end.acquire(timeout=60)
        if self.error is not None:
            raise self.error
        return REPORT


@pytest.mark.parametrize(
    ("count", "batches", "passes"),
    [
        (0, [9], 0),
        (0, [10], 1),
        (0, [9, 1], 1),
        (0, [25], 1),
        (8, [2], 1),
        (8, [1], 0),
        (10, [9], 0),
    ],
)
def test_a_pass_is_due_at_each_multiple(count: int, batches: list[int], passes: int) -> None:
    ran = Passes()
    ran.may_end.release(5)
    reflector = Reflector(ran, every=10, total=lambda: count + batches[0])
    for n in batches:
        reflector.count_turns(n)
    assert reflector.wait(60)
    reflector.close()

    assert passes == ran.count


def test_adding_does_not_wait_for_a_pass() -> None:
    ran = Passes()
    reflector = Reflector(ran, every=1, total=lambda: 1)
    reflector.count_turns(1)  # and here we are, although the pass may not end yet
    assert ran.started.acquire(timeout=60)
    assert not reflector.wait(0.01)
    ran.may_end.release()
    assert reflector.wait(60)
    assert REPORT is reflector.last
    reflector.close()


def test_what_comes_during_a_pass_gets_one_more_pass() -> None:
    ran = Passes()
    reflector = Reflector(ran, every=1, total=lambda: 1)
    reflector.count_turns(1)
    assert ran.started.acquire(timeout=60)
    for _ in range(5):
        reflector.count_turns(1)
    ran.may_end.release(2)
    assert reflector.wait(60)
    reflector.close()

    assert 2 == ran.count


def test_a_failure_is_kept_and_the_next_pass_runs() -> None:
    ran = Passes(error=LLMError("down"))
    ran.may_end.release(2)
    reflector = Reflector(ran, every=1, total=lambda: 1)
    reflector.count_turns(1)
    assert reflector.wait(60)
    assert "down" == str(reflector.error)
    ran.error = None
    reflector.count_turns(1)
    assert reflector.wait(60)
    reflector.close()

    assert reflector.error is None
    assert REPORT is reflector.last


def test_closing_waits_for_the_running_pass_and_starts_no_other() -> None:
    ran = Passes()
    reflector = Reflector(ran, every=1, total=lambda: 1)
    reflector.count_turns(1)
    assert ran.started.acquire(timeout=60)
    reflector.count_turns(1)
    closing = threading.Thread(target=reflector.close)
    closing.start()
    closing.join(0.05)
    assert closing.is_alive()
    ran.may_end.release()
    closing.join(5)
    reflector.count_turns(1)

    assert 1 == ran.count


def test_how_often_may_change_while_a_pass_runs() -> None:
    ran = Passes()
    reflector = Reflector(ran, every=1, total=iter([1, 4]).__next__)
    reflector.count_turns(1)
    assert ran.started.acquire(timeout=60)
    reflector.every = 0  # returns at once
    for _ in (2, 3):
        reflector.count_turns(1)
    reflector.every = 4
    ran.may_end.release(2)
    reflector.count_turns(1)
    assert reflector.wait(60)
    reflector.close()

    assert 2 == ran.count


@pytest.mark.parametrize("error", [ValueError("odd"), KeyError("x"), RecursionError(), OSError()])
def test_whatever_fails_is_kept_and_the_thread_goes_on(error: Exception) -> None:
    ran = Passes(error=error)
    ran.may_end.release(2)
    reflector = Reflector(ran, every=1, total=lambda: 1)
    reflector.count_turns(1)
    assert reflector.wait(60)
    assert error is reflector.error
    thread = reflector._thread
    ran.error = None
    reflector.count_turns(1)
    assert reflector.wait(60)

    assert [None, REPORT, thread] == [reflector.error, reflector.last, reflector._thread]
    reflector.close()
