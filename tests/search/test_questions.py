from __future__ import annotations

import pytest

from helamem.search.questions import without_courtesy


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("Could you please tell me when Ana left?", "when Ana left?"),
        ("Please remind us again: who left?", "who left?"),
        ("So, do you remember what Ben cooked?", "what Ben cooked?"),
        ("I'd like to know who came.", "who came."),
        ("I\u2019d like to know who came.", "who came."),
        ("Could Ana win?", "Could Ana win?"),
        ("Can you swim?", "Can you swim?"),
        ("Remind me", "Remind me"),
        ("", ""),
    ],
)
def test_what_only_asks_to_be_told_is_left_out(given: str, expected: str) -> None:
    assert expected == without_courtesy(given)
