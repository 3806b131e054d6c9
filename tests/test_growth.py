"""The measure of growth tells a proportional function from a quadratic one, by a clock that its function moves."""

from __future__ import annotations

import pytest

from growth import ROUNDS, is_proportional


@pytest.mark.parametrize(
    ("power", "disturbed", "proportional"),
    [(1, 0, True), (1, ROUNDS - 1, True), (1, ROUNDS, False), (2, 0, False)],
)
def test_it_tells_by_one_round_that_nothing_disturbs(
    monkeypatch: pytest.MonkeyPatch, power: int, disturbed: int, proportional: bool
) -> None:
    seconds, calls = 0.0, 0

    def works(text: str) -> None:
        nonlocal seconds, calls
        calls += 1
        late = (
            calls % 2 == 0 and calls <= 2 * disturbed
        )  # the second call of a round has the large text
        seconds += 1e-6 * len(text) ** power * (10 if late else 1)

    monkeypatch.setattr("growth.time.thread_time", lambda: seconds)

    assert is_proportional(works, "ab ") is proportional
