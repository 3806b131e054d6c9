"""A small conversation in LoCoMo's form, written for these tests."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from helamem.evaluation import forms, use

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from helamem.evaluation.datasets import Dataset


def turn(session: int, number: int, speaker: str, text: str, **more: str) -> dict[str, str]:
    return {"speaker": speaker, "dia_id": f"D{session}:{number}", "text": text, **more}


def session(number: int, *said: str) -> list[dict[str, str]]:
    return [
        turn(number, i, ("Iris", "Tom")[(i + 1) % 2], text) for i, text in enumerate(said, start=1)
    ]


def talks() -> list[dict[str, Any]]:
    return [
        {
            "sample_id": "talk-1",
            "conversation": {
                "speaker_a": "Iris",
                "speaker_b": "Tom",
                "session_1_date_time": "10:05 am on 3 March, 2024",
                "session_1": session(
                    1,
                    "Hi Tom! I adopted a greyhound from the shelter, she is called Pepper.",
                    "Lovely! My own news: the bakery in Ghent offered me a job.",
                    "Congratulations! When do you start there?",
                    "On the first of April. I will have to learn to braid brioche.",
                ),
                "session_2_date_time": "7:30 pm on 20 April, 2024",
                "session_2": [
                    *session(
                        2,
                        "Pepper learned to fetch the newspaper last week.",
                        "My first brioche burned, the second one won a prize at the fair.",
                        "What was the prize?",
                        "A copper kettle. I keep it on the window sill.",
                    ),
                    turn(2, 5, "Iris", "Look at her!", blip_caption="a greyhound on a beach"),
                ],
                "session_3_date_time": "8:00 am on 1 June, 2024",
                "session_3": session(
                    3,
                    "I am training for a rowing race on the canal.",
                    "Rowing! I would rather sit and watch with a coffee.",
                ),
            },
            "qa": [
                {
                    "question": "What did Tom win at the fair?",
                    "answer": "A copper kettle",
                    "category": 4,
                    "evidence": ["D2:2", "D2:4"],
                },
                {
                    "question": "When did Tom begin to work at the bakery?",
                    "answer": "1 April 2024",
                    "category": 2,
                    "evidence": ["D1:4"],
                },
                {
                    "question": "What does Iris do with her time?",
                    "answer": "She looks after her dog and rows",
                    "category": 1,
                    "evidence": ["D1:1; D3:1", "D9:9"],
                },
                {
                    "question": "Would Tom enjoy a cooking course?",
                    "answer": 2024,
                    "category": 3,
                    "evidence": [],
                },
                {
                    "question": "What instrument does Iris play?",
                    "adversarial_answer": "The flute",
                    "category": 5,
                    "evidence": ["D3:1"],
                },
            ],
            "observation": {
                "session_1_observation": {
                    "Iris": [["Iris has a greyhound called Pepper.", "D1:1"]],
                    "Tom": [["Tom works at a bakery in Ghent.", ["D1:2", "D1:4"]]],
                }
            },
        }
    ]


@pytest.fixture(autouse=True, scope="session")
def few_changes() -> Iterator[None]:
    """What is measured by the second makes as few single changes as there may be: 3 of each kind, not 50."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(use, "KIND_S", 0.0)
        yield


@pytest.fixture
def locomo() -> list[dict[str, Any]]:
    return talks()


@pytest.fixture(scope="session")
def locomo_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("data") / "talks.json"
    file.write_text(json.dumps(talks()), encoding="utf-8")
    return file


@pytest.fixture(scope="session")
def dataset(locomo_file: Path) -> Dataset:
    return forms.load(locomo_file)
