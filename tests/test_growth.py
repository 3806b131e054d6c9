"""The measure of growth tells a proportional function from a quadratic one."""

from __future__ import annotations

import pytest

from growth import is_proportional


def test_a_single_pass_is_proportional() -> None:
    assert is_proportional(lambda text: sum(map(ord, text)), "ab ")


@pytest.mark.slow
def test_every_pair_of_words_is_not() -> None:
    def quadratic(text: str) -> int:
        words = text.split("b")
        return sum(len(words[:n]) for n in range(len(words)))

    assert not is_proportional(quadratic, "aaaaaaaaaaaab ")
