"""`helamem bench`: a table for people, JSON for other tools."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from cli.conftest import Cli


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A conversation of three turns in LoCoMo's form, with one question."""
    said = ["My hens laid three eggs.", "The roof leaks again.", "I bought a red bicycle."]
    turns = [
        {"speaker": "Ana", "dia_id": f"D1:{i}", "text": text} for i, text in enumerate(said, 1)
    ]
    record = {
        "sample_id": "conv-1",
        "conversation": {
            "speaker_a": "Ana",
            "speaker_b": "Ben",
            "session_1_date_time": "1:56 pm on 8 May, 2023",
            "session_1": turns,
        },
        "qa": [
            {
                "question": "What colour is the bicycle?",
                "answer": "red",
                "evidence": ["D1:3"],
                "category": 4,
            }
        ],
    }
    file = tmp_path / "locomo.json"
    file.write_text(json.dumps([record]))
    return file


class TestLocomo:
    def test_table_and_file(self, cli: Cli, data: Path, tmp_path: Path) -> None:
        out = tmp_path / "out.json"

        table = cli(
            *("bench", "locomo", "--data", data, "--systems", "default, bm25", "--json", out)
        ).stdout

        result = json.loads(out.read_text())
        assert ["default", "bm25"] == list(result["systems"])
        assert 1 == result["systems"]["default"]["questions"]
        assert {"dataset", "embedder", "config", "systems"} <= {*result}
        assert "recall@1000tok" in result["systems"]["bm25"]
        assert "R@1000 tok" in table
        assert "1.000" in table

    def test_json_to_standard_output_is_json_alone(self, cli: Cli, data: Path) -> None:
        arguments = ["bench", "locomo", "--data", data, "--systems", "bm25"]

        by_dash = json.loads(cli(*arguments, "--json", "-").stdout)
        by_option = json.loads(cli("--json", *arguments).stdout)

        assert ["bm25"] == list(by_dash["systems"]) == list(by_option["systems"])

    def test_how_it_was_measured_is_recorded_without_folders(self, cli: Cli, data: Path) -> None:
        arguments = ["--data", data, "--systems", "default", "--set", "spreading.hops=1"]

        result = json.loads(cli("bench", "locomo", *arguments, "--json", "-").stdout)

        assert (
            "helamem bench locomo --data locomo.json --systems default --embedder hashing "
            "--set spreading.hops=1"
        ) == result["command"]

    def test_unknown_system_is_a_sentence(self, cli: Cli, data: Path) -> None:
        arguments = ["bench", "locomo", "--data", data, "--systems", "magic"]

        assert "magic" in cli(*arguments, code=1).stderr
