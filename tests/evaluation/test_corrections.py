"""Corrected evidence, on a small file of the published audit's shape."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helamem.errors import DataError
from helamem.evaluation import experiments
from helamem.evaluation.forms.corrections import corrected

if TYPE_CHECKING:
    from helamem.evaluation.datasets import Dataset


def correction(number: int, question: str, *evidence: str, **more: Any) -> dict[str, Any]:
    return {
        "question_id": f"locomo_7_qa{number}",
        "question": question,
        "golden_answer": "?",
        "category": 4,
        "error_type": "WRONG_CITATION",
        "cited_evidence": ["D1:1"],
        "correct_evidence": list(evidence),
        "reasoning": "It is said there.",
        "correct_answer": "?",
        **more,
    }


WON = "What did Tom win at the fair?"
BEGAN = "When did Tom begin to work at the bakery?"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return write(
        tmp_path,
        correction(0, WON, "D2:4"),
        correction(1, BEGAN, "D1:4"),
        correction(1, "When did Zoe move?", "D1:4", question_id="locomo_8_qa1"),
    )


def write(folder: Path, *corrections: object) -> Path:
    place = folder / "errors.json"
    place.write_text(json.dumps(corrections), encoding="utf-8")
    return place


def test_evidence_is_that_of_the_file_and_the_rest_stays(dataset: Dataset, file: Path) -> None:
    after = corrected(dataset, file)
    before, (conversation,) = dataset.conversations[0], after.conversations
    assert conversation.questions[0].evidence == ("D2:4",)
    assert conversation.questions[1:] == before.questions[1:]
    assert conversation.turns == before.turns
    assert after.sha256 == dataset.sha256


def test_what_was_corrected_is_counted(dataset: Dataset, file: Path) -> None:
    counts: Any = corrected(dataset, file).changed["corrections"]
    assert counts["file"] == "errors.json"
    assert counts["questions"] == 1  # the other says what stands there
    assert counts["not_here"] == 1


def test_a_question_that_nothing_answers_is_left_out(dataset: Dataset, tmp_path: Path) -> None:
    after = corrected(dataset, write(tmp_path, correction(0, WON)))
    assert after.left_out() == dataset.left_out() + 1


def test_results_say_that_the_evidence_was_corrected(locomo_file: Path, file: Path) -> None:
    given: dict[str, Any] = {"systems": ["bm25"], "embedder": "hashing"}
    result = experiments.run("retrieval", locomo_file, corrections=file, **given)
    assert result["corrections"]["questions"] == 1
    assert "corrections" not in experiments.run("retrieval", locomo_file, **given)


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (5, "correction 0: a correction must be an object, and is a whole number"),
        (correction(0, WON, "D2:4", question_id="qa1"), "'qa1', and not like 'locomo_0_qa1'"),
        (correction(0, WON, "D9:9"), "evidence 'D9:9' of locomo_7_qa0 names no turn"),
        (correction(0, "Who sang?", "D2:4"), "corrects no question of talks"),
        (correction(99, WON, "D2:4"), "corrects no question of talks"),
        ({**correction(0, WON), "correct_evidence": "D2:4"}, "must be a list, and is a text"),
        ({"question_id": "locomo_0_qa0"}, "correction 0: 'question' is missing"),
    ],
)
def test_what_is_malformed_is_named(
    dataset: Dataset, tmp_path: Path, wrong: object, told: str
) -> None:
    with pytest.raises(DataError, match=told):
        corrected(dataset, write(tmp_path, wrong))


def test_two_corrections_of_one_question_are_refused(dataset: Dataset, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="question locomo_7_qa0 is there twice"):
        corrected(dataset, write(tmp_path, correction(0, WON, "D2:4"), correction(0, WON, "D2:2")))
    other = correction(0, WON, "D2:2", question_id="locomo_8_qa0")
    with pytest.raises(DataError, match="question of talk-1, number 0, is there twice"):
        corrected(dataset, write(tmp_path, correction(0, WON, "D2:4"), other))


def test_a_correction_that_fits_two_conversations_is_refused(dataset: Dataset, file: Path) -> None:
    (one,) = dataset.conversations
    twice = replace(dataset, conversations=(one, replace(one, id="talk-2")))
    with pytest.raises(DataError, match="locomo_7_qa0 fits talk-1 as well as talk-2"):
        corrected(twice, file)


def test_a_file_that_is_not_there_is_told(dataset: Dataset) -> None:
    with pytest.raises(DataError, match=r"none\.json cannot be read"):
        corrected(dataset, Path("none.json"))
