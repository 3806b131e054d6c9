"""The ranking of a small conversation, to the last digit: any change to it has to be meant.

`python tests/search/test_golden.py` writes the files in `golden/` anew; the difference then shows in the review.
"""

from __future__ import annotations

import functools
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from helamem import Config, Memory
from helamem.testing import FixedClock

GOLDEN = Path(__file__).parent / "golden" / "ranking.json"
CONFIDENCES = GOLDEN.with_name("confidence.json")
DIGITS = 5  # vectors are single precision, whose last digits differ between processors
ASKED_AT = datetime(2024, 3, 20, 18, 30, tzinfo=UTC)

CONVERSATION = (
    ("Ana", "2024-03-01T09:00", "Good morning! Did you sleep well?"),
    ("Ben", "2024-03-01T09:01", "Not really, the neighbour's dog barked all night."),
    ("Ana", "2024-03-01T09:03", "Maya is allergic to peanuts, so no satay on Friday."),
    ("Ben", "2024-03-01T09:05", "Thanks for telling me. What about sesame?"),
    ("Ana", "2024-03-01T09:06", "Sesame is fine."),
    ("Ben", "2024-03-08T19:30", "I signed the contract for the flat in Porto yesterday."),
    ("Ana", "2024-03-08T19:31", "Congratulations! When do you move?"),
    ("Ben", "2024-03-08T19:33", "On 2 May, if the boiler is repaired by then."),
    ("Ana", "2024-03-08T19:40", "My sister Ines lives there, next to the old bridge."),
    ("Ben", "2024-03-15T08:10", "The plumber wants 480 euros for the boiler."),
    ("Ana", "2024-03-15T08:12", "That bill is too high. Ask Rose, she knows somebody."),
    ("Ben", "2024-03-15T08:15", "Rose gave me a number, he does it for 300."),
)
ASSISTED = (
    ("user", "2024-03-10T10:00", "I want to learn the cello. Where do I begin? My budget is 40 euros a month."),
    ("assistant", "2024-03-10T10:01", "Rent an instrument before you buy one. " * 12 + "A teacher helps with posture."),
    ("user", "2024-03-12T10:00", "I found a teacher on Elm Street, Mrs Okafor. What should I ask her?"),
    ("assistant", "2024-03-12T10:02", "Ask about her method, and about lessons in your budget. " * 8),
)  # fmt: skip
QUESTIONS = (
    "What should I not cook for Maya?",
    "When does Ben move to Porto?",
    "How much does the boiler cost?",
    "What happened on 8 March 2024?",
    "Who helped with the bill?",
    "Where does Ana's sister live?",
    "What is my budget for lessons?",
    "What did you suggest about renting?",
)
UNKNOWN = (
    "Which museum has the oldest telescope?",
    "What did Ben say about Lisbon?",
    "?",
    "xqzt wvk",
)


def _memory(place: str = ":memory:") -> Memory:
    memory = Memory(place, config=Config(), clock=FixedClock(ASKED_AT.timestamp()))
    for speaker, at, text in CONVERSATION:
        memory.add(text, speaker=speaker, at=datetime.fromisoformat(at + "+00:00"), session=at[:10])
    for role, at, text in ASSISTED:
        memory.add(
            {"role": role, "content": text}, at=datetime.fromisoformat(at + "+00:00"), session="c"
        )
    return memory


def _ranked(memory: Memory, digits: int) -> dict[str, list[str]]:
    return {
        question: [
            f"#{hit.id} {hit.score:.{digits}f}" for hit in memory.search(question, k=6, at=ASKED_AT)
        ]
        for question in QUESTIONS
    }


@functools.cache
def rankings(digits: int = DIGITS, place: str = ":memory:") -> dict[str, dict[str, list[str]]]:
    """The rankings before and after learning, and after consolidation: hits as "#id score"."""
    with _memory(place) as memory:
        told = {"before learning": _ranked(memory, digits)}
        memory.reinforce(memory.search("What may Maya not eat?", at=ASKED_AT), used=[3, 1], at=ASKED_AT)  # fmt: skip
        memory.reinforce(memory.search("What costs money?", at=ASKED_AT), used=[10, 12, 13], at=ASKED_AT)  # fmt: skip
        told["after learning"] = _ranked(memory, digits)
        memory.consolidate(llm=False, at=ASKED_AT)
        told["after consolidation"] = _ranked(memory, digits)
    return told


@pytest.mark.parametrize("stage", ["before learning", "after learning", "after consolidation"])
def test_no_score_and_no_order_has_changed(stage: str) -> None:
    expected = json.loads(GOLDEN.read_text(encoding="utf-8"))[stage]

    assert expected == rankings()[stage]


def confidences() -> dict[str, str]:
    """How sure the memory is of each question, and of some that it cannot answer."""
    with _memory() as memory:
        found = {each: memory.search(each, at=ASKED_AT) for each in (*QUESTIONS, *UNKNOWN)}
    return {each: f"{recall.confidence:.3f}" for each, recall in found.items()}


def test_no_confidence_has_changed() -> None:
    assert json.loads(CONFIDENCES.read_text(encoding="utf-8")) == confidences()


if __name__ == "__main__":
    CONFIDENCES.write_text(json.dumps(confidences(), indent=1) + "\n", encoding="utf-8")
    GOLDEN.write_text(json.dumps(rankings(), indent=1) + "\n", encoding="utf-8")
