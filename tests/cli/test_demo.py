"""The demo: the whole life of a memory, computed and not told, and nobody's file touched."""

from __future__ import annotations

import json
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from helamem.cli.demo import story

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Cli, Data


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, home: Path) -> Path:
    """The system's temporary folder is ours, and the embedder is the one that users get."""
    monkeypatch.delenv("HELAMEM_EMBEDDER")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    return tmp_path / "temporary"


def near(questions: list[dict[str, Any]], which: list[str]) -> int:
    """How many memories with answers were among the first five hits."""
    return sum(
        rank is not None and rank <= 5
        for each in questions
        for name in which
        for rank in each[name]["ranks"]
    )


class TestSample:
    def test_labels_of_the_sample_name_its_turns(self) -> None:
        sample = story.sample()

        assert 40 <= len(sample.turns) <= 60
        assert 4 <= len({turn.session for turn in sample.turns}) <= 5
        assert all(2 <= len(question.evidence) for question in sample.questions)
        assert all(place < len(sample.turns) for q in sample.questions for place in q.evidence)

    def test_every_question_of_the_sample_is_asked_in_two_ways(self) -> None:
        assert all(q.again and q.again != q.text for q in story.sample().questions)


class TestDemo:
    def test_learning_brings_the_answers_nearer(self, as_json: Data) -> None:
        questions = as_json("demo")["questions"]

        before = near(questions, ["before", "reworded_before"])
        after = near(questions, ["after", "reworded_after"])
        assert after > before
        assert near(questions, ["reworded_after"]) >= near(questions, ["reworded_before"])

    def test_data_agrees_with_itself(self, as_json: Data) -> None:
        data = as_json("demo")

        assert data["conversation"]["turns"] == len(story.sample().turns)
        for each in data["questions"]:
            assert len(each["evidence"]) == each["learned"]["bound"]
            for name in ("before", "after", "reworded_before", "reworded_after"):
                ids = [hit["id"] for hit in each[name]["hits"]]
                ranks = [ids.index(id_) + 1 if id_ in ids else None for id_ in each["evidence"]]
                assert ranks == each[name]["ranks"]
        assert data["consolidation"]["facts"]
        assert {f["id"] for f in data["facts"]} >= {*data["consolidation"]["facts"]}
        assert not data["forgetting"]["done"]

    def test_first_answers_are_right(self, as_json: Data) -> None:
        questions = as_json("demo")["questions"]

        assert all(each["before"]["hits"][0]["id"] in each["evidence"] for each in questions)

    def test_it_fits_three_screens(self, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("COLUMNS", "100")

        shown = cli("demo").stdout.splitlines()

        assert len(shown) <= 3 * 24
        assert max(map(len, shown)) <= 100

    def test_its_lines_are_short_in_a_pipe(self, cli: Cli) -> None:
        assert max(map(len, cli("demo").stdout.splitlines())) <= 120

    def test_two_runs_say_the_same(self, as_json: Data) -> None:
        first, second = (as_json("demo") for _ in range(2))

        for each in (first, second):
            del each["conversation"]["milliseconds"]
        assert first == second

    def test_every_step_is_told(self, cli: Cli) -> None:
        told = cli("demo").stdout

        places = [told.index(f"· {step}") for step in
                  ("Read", "Ask", "Learn", "Ask again", "Consolidate", "Forget")]  # fmt: skip
        assert sorted(places) == places
        assert all(question.text in told for question in story.sample().questions)
        assert "✓" in told
        assert "helamem demo --data FILE" in told

    def test_nobody_s_file_is_touched(
        self, cli: Cli, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HELAMEM_FILE", str(tmp_path / "mine.db"))

        cli("demo", "--set", "storage.durability=normal")

        assert not (tmp_path / "mine.db").exists()
        assert not (tmp_path / "home").exists()
        assert [] == list(temporary.iterdir())


class TestOwnData:
    def write(self, tmp_path: Path, *lines: dict[str, str]) -> Path:
        file = tmp_path / "chat.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return file

    def test_questions_of_a_chat_are_those_that_somebody_asked(
        self, cli: Cli, as_json: Data, tmp_path: Path
    ) -> None:
        file = self.write(
            tmp_path,
            {
                "text": "Which colour should the garden fence have?",
                "speaker": "Ana",
                "session": "s",
            },
            {"text": "Dark green, like the shutters.", "speaker": "Ben", "session": "s"},
            {"text": "Fine.", "speaker": "Ana", "session": "s"},
        )

        [each] = as_json("demo", "--data", file)["questions"]

        assert "Which colour should the garden fence have?" == each["question"]
        assert [2] == each["evidence"]
        assert (None, None) == (each["reworded"], each["reworded_before"])
        assert "Dark green, like the shutters." in cli("demo", "--data", file).stdout

    def test_chat_without_questions_is_read_all_the_same(self, cli: Cli, tmp_path: Path) -> None:
        file = self.write(tmp_path, {"text": "Hello."}, {"text": "Bye."})

        assert "nothing is asked or learned" in cli("demo", "--data", file).stdout

    def test_labels_of_locomo_are_used_and_trick_questions_left_out(
        self, as_json: Data, tmp_path: Path
    ) -> None:
        turns = [
            {"speaker": "Ana", "dia_id": f"D1:{i}", "text": f"My hen number {i} laid an egg."}
            for i in range(1, 4)
        ]
        content = {
            "sample_id": "c",
            "conversation": {"session_1_date_time": "1:56 pm on 8 May, 2023", "session_1": turns},
            "qa": [
                {"question": "Trick?", "evidence": ["D1:1"], "category": 5},
                {"question": "Which hens laid?", "evidence": ["D1:1; D1:3", "D9:9"], "category": 1},
            ],
        }
        file = tmp_path / "locomo.json"
        file.write_text(json.dumps([content]))

        [each] = as_json("demo", "--data", file)["questions"]

        assert ("Which hens laid?", [1, 3]) == (each["question"], each["evidence"])

    def test_malformed_file_is_a_sentence(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "chat.jsonl"
        file.write_text('{"text": "Hello."}\n{"text": \n')

        assert "line 2" in cli("demo", "--data", file, code=1).stderr

    def test_empty_file_is_a_sentence(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "chat.json"
        file.write_text("[]")

        assert "has no turns" in cli("demo", "--data", file, code=1).stderr
