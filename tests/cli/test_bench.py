"""`helamem bench`: a table for people, JSON for other tools."""

from __future__ import annotations

import errno
import inspect
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from evaluation import longmemeval_files
from helamem.cli import files
from helamem.cli.bench import options
from helamem.cli.bench.commands import bench
from helamem.cli.values import whole_numbers
from helamem.config import Config
from helamem.errors import MissingExtraError
from helamem.evaluation import experiments, report
from helamem.evaluation.systems import SYSTEMS
from llm_server import Fail, LLMServer, Say

if TYPE_CHECKING:
    from collections.abc import Iterator

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


@pytest.fixture
def tickets(tmp_path: Path) -> Path:
    """Somebody's own data: one conversation a line."""
    turns = [
        {
            "id": "1",
            "text": "The tax number is wrong.",
            "speaker": "Ana",
            "at": "2024-05-06T09:00:00Z",
        },
        {"id": "2", "text": "The export stops.", "speaker": "Ben", "at": "2024-05-07T09:00:00Z"},
    ]
    questions = [{"text": "Which tax number is wrong?", "evidence": ["1"]}]
    file = tmp_path / "tickets.jsonl"
    file.write_text(json.dumps({"id": "support", "turns": turns, "questions": questions}))
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
        arguments = ["--data", data, "--systems", "default", "--set", "activation.window=1"]

        result = json.loads(cli("bench", "locomo", *arguments, "--json", "-").stdout)

        assert (
            "helamem bench locomo --data locomo.json --systems default --embedder hashing "
            "--set activation.window=1"
        ) == result["command"]

    def test_unknown_system_is_a_sentence(self, cli: Cli, data: Path) -> None:
        arguments = ["bench", "locomo", "--data", data, "--systems", "magic"]

        assert "magic" in cli(*arguments, code=1).stderr

    def test_a_system_that_is_named_twice_is_a_sentence(self, cli: Cli, data: Path) -> None:
        arguments = ["bench", "locomo", "--data", data, "--systems", "bm25,bm25"]

        assert "named twice; name each system once" in cli(*arguments, code=1).stderr

    def test_data_of_another_form_is_refused(self, cli: Cli, tickets: Path) -> None:
        told = cli("bench", "locomo", "--data", tickets, code=1).stderr

        assert "of the form jsonl, and not locomo; `helamem bench retrieval` takes" in told

    def test_evidence_can_be_corrected(self, cli: Cli, data: Path, tmp_path: Path) -> None:
        file = tmp_path / "errors.json"
        correction = {
            "question_id": "locomo_0_qa0",
            "question": "What colour is the bicycle?",
            "correct_evidence": ["D1:1"],
        }
        file.write_text(json.dumps([correction]))
        arguments = ["--data", data, "--systems", "bm25", "--corrections", file, "--json", "-"]

        result = json.loads(cli("bench", "locomo", *arguments).stdout)

        assert 1 == result["corrections"]["questions"]
        assert "--corrections errors.json" in result["command"]


def test_short_help_of_no_command_is_cut(cli: Cli) -> None:
    assert "..." not in cli("bench", "--help").stdout.replace("[ARGS]...", "")


class TestSettings:
    """A benchmark says all that made its numbers: what would not count is refused."""

    LOCOMO = ("locomo", "--systems", "bm25")

    @pytest.fixture
    def measured(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        """The experiments that were run; none is."""
        names: list[str] = []

        def run(name: str, *data: object, **given: object) -> dict[str, object]:
            names.append(name)
            return {}

        monkeypatch.setattr(experiments, "run", run)
        monkeypatch.setattr(options, "publish", lambda *result, **how: None)
        return names

    def test_a_preset_is_refused_wherever_it_stands(
        self, cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arguments = ["bench", *self.LOCOMO, "--data", data]

        by_option = cli("--preset", "paper", *arguments, code=1).stderr
        monkeypatch.setenv("HELAMEM_PRESET", "paper")
        by_variable = cli(*arguments, code=1).stderr

        assert "preset = paper (from --preset): say --set preset=paper, or leave out" in by_option
        assert "(from HELAMEM_PRESET)" in by_variable
        assert "unset HELAMEM_PRESET" in by_variable
        assert "spreading" not in by_variable

    def test_what_a_variable_or_a_file_sets_is_refused(
        self, cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file = tmp_path / "w.toml"
        file.write_text("[activation]\nwindow = 1\n[llm]\nmodel = 'tiny'\n")
        monkeypatch.setenv("HELAMEM_ACTIVATION_WORDS", "0")

        told = cli("--config", file, "bench", *self.LOCOMO, "--data", data, code=1).stderr

        assert "activation.words = 0.0 (from HELAMEM_ACTIVATION_WORDS)" in told
        assert f"activation.window = 1 (from {file})" in told
        assert "say --set activation.words=0.0 --set activation.window=1, or unset" in told
        assert f"take it out of {file}" in told
        assert "llm" not in told

    @pytest.mark.parametrize("command", ["ablation", "facts", "speed"])
    def test_where_nothing_can_be_set_it_is_to_be_taken_back(
        self, cli: Cli, data: Path, command: str
    ) -> None:
        arguments = ["--set", "activation.window=1", "bench", command, "--data", data]

        told = cli(*arguments, code=1).stderr

        assert (
            "takes no settings; found activation.window = 1 (from --set): leave out --set" in told
        )

    def test_what_set_says_counts_wherever_it_stands(
        self, cli: Cli, data: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HELAMEM_ACTIVATION_WINDOW", "0")

        cli("--set", "activation.window=0", "bench", *self.LOCOMO, "--data", data)
        cli("bench", *self.LOCOMO, "--data", data, "--set", "activation.window=0")
        cli("bench", *self.LOCOMO, "--data", data, "--set", "preset=paper")

        assert ["retrieval"] * 3 == measured

    def test_what_has_no_part_in_results_may_stand_anywhere(
        self, cli: Cli, data: Path, measured: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("HELAMEM_LLM_MODEL", "tiny")
        monkeypatch.setenv("HELAMEM_ACTIVATION_WORDS", str(Config().activation.words))

        cli("--preset", "default", "bench", *self.LOCOMO, "--data", data)

        assert ["retrieval"] == measured


class TestOtherForms:
    def test_longmemeval_reports_turns_and_sessions(self, cli: Cli, tmp_path: Path) -> None:
        file = longmemeval_files.write(tmp_path / "lme.json", questions=12)
        arguments = ["--data", file, "--systems", "default,bm25", "--sample", "6"]

        shown = cli("bench", "longmemeval", *arguments)

        assert "6 conversations, drawn from 12" in shown.stdout
        assert "sessions@5" in shown.stdout
        assert "temporal-reasoning" in shown.stdout
        assert "…" not in shown.stdout

    def test_data_without_evidence_is_told_what_to_add(self, cli: Cli, tickets: Path) -> None:
        tickets.write_text(tickets.read_text().replace('"evidence": ["1"]', '"answer": "1"'))

        for command in ("retrieval", "learning"):
            told = cli("bench", command, "--data", tickets, code=1).stderr
            assert "give questions their 'evidence'" in told

    def test_what_was_left_out_is_told_and_numbers_agree_with_nouns(
        self, cli: Cli, tickets: Path
    ) -> None:
        arguments = ["bench", "retrieval", "--data", tickets, "--systems", "bm25"]
        assert "left out" not in cli(*arguments).stdout
        conversation = json.loads(tickets.read_text())
        conversation["turns"].pop()
        conversation["questions"].append({"text": "Who called?"})
        tickets.write_text(json.dumps(conversation))

        shown = cli(*arguments).stdout

        assert "Questions left out: 1, which hold nothing to score by." in shown
        assert "1 conversation, 1 turn, embedder" in shown
        assert "recall over 1 question\n" in shown

    def test_ones_own_data(self, cli: Cli, tickets: Path) -> None:
        arguments = ["--data", tickets, "--systems", "bm25", "--form", "jsonl", "--json", "-"]

        result = json.loads(cli("bench", "retrieval", *arguments).stdout)

        assert 1 == result["systems"]["bm25"]["recall@5"]
        assert "helamem bench retrieval --data tickets.jsonl --form jsonl" in result["command"]


class TestResults:
    """Where results go is checked before anything is measured."""

    def test_a_folder_gets_json_a_page_and_plots(
        self, cli: Cli, data: Path, tmp_path: Path
    ) -> None:
        pytest.importorskip("matplotlib")
        out = tmp_path / "new" / "results"

        told = cli("bench", "locomo", "--data", data, "--systems", "bm25,recency", "--out", out)

        written = {
            "locomo-retrieval-hashing.json",
            "locomo-retrieval-hashing.md",
            "locomo-retrieval-hashing-recall.png",
            "locomo-retrieval-hashing-recall.svg",
            "index.md",
        }
        assert written == {file.name for file in out.iterdir()}
        assert all(name in told.stderr for name in written)

    def test_plots_need_an_extra_and_that_is_told_at_once(
        self, cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setitem(sys.modules, "matplotlib", None)
        monkeypatch.setattr(experiments, "run", None)  # would fail otherwise

        told = cli("bench", "ablation", "--data", data, "--out", tmp_path / "out", code=1).stderr

        assert "pip install 'helamem[bench]'" in told

    def test_a_missing_folder_is_told_at_once(
        self, cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(experiments, "run", None)
        out = tmp_path / "none" / "out.json"

        assert (
            "there is no folder"
            in cli("bench", "locomo", "--data", data, "--json", out, code=2).stderr
        )

    @pytest.mark.parametrize("option", ["--json", "--out"])
    def test_a_place_that_cannot_be_written_is_told_at_once(
        self,
        cli: Cli,
        data: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        option: str,
    ) -> None:
        def refuse(path: Path, **how: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        monkeypatch.setattr(experiments, "run", None)
        monkeypatch.setattr(Path, "touch", refuse)  # root may write anywhere
        arguments = ["bench", "locomo", "--data", data, option, tmp_path / "out"]

        told = " ".join(cli(*arguments, code=2).stderr.split())

        assert "Permission denied; name a place where you may write" in told

    @pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
    def test_a_locked_folder_is_told_at_once(
        self, cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(experiments, "run", None)
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o555)

        for option, place in (("--json", locked / "out.json"), ("--out", locked)):
            cli("bench", "locomo", "--data", data, option, place, code=2)

    @pytest.mark.parametrize("kind", ["minilm", "onnx", "static"])
    def test_a_folder_of_a_model_is_not_published(
        self, kind: str, given: dict[str, object]
    ) -> None:
        told = options.command_line("locomo", given, f"{kind}:/home/maya/models/all-minilm")

        assert f"helamem bench locomo --data locomo10.json --embedder {kind}:all-minilm" == told
        assert options.command_line("locomo", given, "openai:org/small").endswith(
            "openai:org/small"
        )


@pytest.fixture
def given() -> dict[str, object]:
    return {"data": Path("/home/maya/locomo10.json"), "sample": None}


@pytest.mark.parametrize(
    ("command", "settings"),
    [
        ("learning", {"splits": 2, "pass_splits": 0}),
        ("reuse", {"splits": 2, "pass_splits": 0}),
        ("ablation", {}),
        ("sensitivity", {}),
        ("budget", {}),
        ("facts", {}),
        ("forgetting", {}),
    ],
)
def test_each_experiment_is_a_command(
    cli: Cli,
    data: Path,
    command: str,
    settings: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[object, ...]] = []

    def run(name: str, path: Path, **given: object) -> dict[str, object]:
        asked.append((name, path.name, {key: given[key] for key in settings}))
        return {}

    monkeypatch.setattr(experiments, "run", run)
    monkeypatch.setattr(options, "publish", lambda *result, **how: None)
    splits = ["--splits", 2, "--pass-splits", 0] if "splits" in settings else []

    cli("bench", command, "--data", data, *splits)

    assert [(command, "locomo.json", settings)] == asked


class TestBudget:
    def test_all_systems_are_measured_unless_some_are_named(self, cli: Cli, data: Path) -> None:
        arguments = ["bench", "budget", "--data", data, "--json", "-"]

        every = json.loads(cli(*arguments).stdout)
        some = json.loads(cli(*arguments, "--systems", "bm25,recency").stdout)

        assert list(SYSTEMS) == list(every["recall"])
        assert ["bm25", "recency"] == list(some["recall"])
        assert "--systems bm25,recency" in some["command"]


@pytest.mark.parametrize("command", ["learning", "reuse", "budget", "retrieval", "speed"])
def test_a_command_and_its_experiment_have_the_same_defaults(command: str) -> None:
    taken = inspect.signature(experiments.experiment(command).run).parameters
    options = {option.name: option for option in bench.commands[command].params}
    shared = {"splits", "pass_splits", "systems", "sizes"} & taken.keys()

    assert shared
    for name in shared:
        default = options[name].get_default(click.Context(bench.commands[command]))
        assert taken[name].default == options[name].type_cast_value(None, default)  # type: ignore[arg-type]


class TestSpeed:
    def test_the_sample_serves_where_no_data_is_given_and_others_are_measured_on_request(
        self, cli: Cli, tmp_path: Path
    ) -> None:
        kept = tmp_path / "kept"
        arguments = ["--sizes", "2e1", "--vs", "numpy", "--within", "60", "--keep", kept]

        result = json.loads(cli("bench", "speed", *arguments, "--json", "-").stdout)

        (at_20,) = result["sizes"]
        assert 20 == at_20["turns"]
        assert at_20["vs"]["numpy"]["search_ms"]["p50"] > 0
        assert (
            "helamem bench speed --sizes 20 --vs numpy --within 60 --embedder hashing"
            == result["command"]
        )
        assert [f"{result['dataset']}-20.db"] == [file.name for file in kept.iterdir()]

    def test_sizes_may_be_written_either_way(self) -> None:
        assert (10, 20) == whole_numbers("1e1,20")

    def test_unknown_others_are_refused(self, cli: Cli) -> None:
        assert "no system 'luck'" in cli("bench", "speed", "--vs", "luck", code=1).stderr

    @pytest.mark.parametrize("sizes", ["0", "many", "", "1.5", "inf"])
    def test_senseless_sizes_are_refused(self, cli: Cli, sizes: str) -> None:
        assert "--sizes" in cli("bench", "speed", "--sizes", sizes, code=2).stderr


class TestReport:
    def test_pages_of_results(self, cli: Cli, data: Path, tmp_path: Path) -> None:
        pytest.importorskip("matplotlib")
        file = tmp_path / "first.json"
        cli("bench", "locomo", "--data", data, "--systems", "bm25,recency", "--json", file)

        told = cli("bench", "report", file, "--out", tmp_path / "docs").stdout

        assert "first.md" in told
        assert "[first](first.md)" in (tmp_path / "docs" / "index.md").read_text()

    def test_what_is_no_result_is_a_sentence(self, cli: Cli, data: Path, tmp_path: Path) -> None:
        told = cli("bench", "report", data, "--out", tmp_path / "docs", code=1).stderr

        assert "is not a result of `helamem bench`" in told

    def test_a_result_that_breaks_off_is_a_sentence(self, cli: Cli, tmp_path: Path) -> None:
        file = tmp_path / "half.json"
        file.write_text('{"dataset": "loc')

        told = cli("bench", "report", file, "--out", tmp_path / "docs", code=1).stderr

        assert "half.json breaks off after 16 bytes; was it downloaded whole?" in told

    def test_without_plots_no_half_of_a_page_is_written(
        self, cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file, out = tmp_path / "first.json", tmp_path / "docs"
        cli("bench", "locomo", "--data", data, "--systems", "bm25", "--json", file)
        monkeypatch.setitem(sys.modules, "matplotlib", None)

        told = cli("bench", "report", file, "--out", out, code=1).stderr

        assert "pip install 'helamem[bench]'" in told
        assert not out.exists()
        with pytest.raises(MissingExtraError):
            report.build([file], out)
        assert not out.exists()

    def test_a_locked_folder_is_a_sentence(
        self, cli: Cli, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("matplotlib")

        def refuse(path: Path, **how: object) -> None:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))

        monkeypatch.setattr(Path, "touch", refuse)  # root may write anywhere

        told = cli("bench", "report", data, "--out", tmp_path / "docs", code=2).stderr

        assert "name a place where you may write" in " ".join(told.split())


FOUND = Say(json.dumps({"citations": [3], "answer": "red"}))
CORRECT = Say(json.dumps({"correct": True}))


@pytest.fixture
def server(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LLMServer]:
    """A language model, and an environment that names it."""
    pytest.importorskip("openai")
    with LLMServer(FOUND, CORRECT) as started:
        monkeypatch.setenv("HELAMEM_LLM_BASE_URL", started.base_url)
        monkeypatch.setenv("HELAMEM_LLM_MODEL", "tiny")
        monkeypatch.setenv("HELAMEM_LLM_MAX_RETRIES", "0")
        yield started


class TestAnswers:
    def test_scores_and_costs_are_shown(
        self, cli: Cli, data: Path, server: LLMServer, tmp_path: Path
    ) -> None:
        shown = cli(
            "bench", "answers", "--data", data, "--prices", "1000,2000", "--judge", "strict",
            "--out", tmp_path / "out",
        )  # fmt: skip

        (written,) = (tmp_path / "out").glob("*.json")
        assert "--prices 1000,2000" in json.loads(written.read_text(encoding="utf-8"))["command"]
        assert "Answers by openai/tiny, judged by openai/strict" in shown.stdout
        assert "1.000" in shown.stdout
        assert "0.05" in shown.stdout  # two calls of 11 tokens in and 7 out
        assert ["tiny", "strict"] == [request["model"] for request in server.requests]

    def test_a_second_run_asks_nobody(self, cli: Cli, data: Path, server: LLMServer) -> None:
        cli("bench", "answers", "--data", data)
        cli("bench", "answers", "--data", data)
        assert 2 == len(server.requests)

        cli("bench", "answers", "--data", data, "--no-cache", "--no-judge")
        assert 3 == len(server.requests)

    def test_replies_are_kept_where_told(
        self, cli: Cli, data: Path, server: LLMServer, home: Path, tmp_path: Path
    ) -> None:
        cli("bench", "answers", "--data", data, "--cache", tmp_path / "kept")

        assert 2 == len(list((tmp_path / "kept").iterdir()))
        assert not home.exists()

    def test_the_setting_for_a_cache_holds_here_too(
        self,
        cli: Cli,
        data: Path,
        server: LLMServer,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("HELAMEM_LLM_CACHE", str(tmp_path / "kept"))

        cli("bench", "answers", "--data", data)

        assert 2 == len(list((tmp_path / "kept").iterdir()))

    def test_a_dry_run_asks_nobody_and_needs_no_key(
        self, cli: Cli, data: Path, server: LLMServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("HELAMEM_LLM_BASE_URL")
        arguments = ["--data", data, "--dry-run", "--prices", "1,1"]

        assert "What it would cost" in cli("bench", "answers", *arguments).stdout
        monkeypatch.delenv("HELAMEM_LLM_MODEL")
        assert "What it would cost" in cli("bench", "answers", *arguments).stdout
        assert [] == server.requests

    def test_a_dry_run_needs_no_client(
        self, cli: Cli, data: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(
            "helamem.models.openai_client.find_spec", lambda name: None
        )  # nothing is installed
        arguments = ["--data", data, "--dry-run", "--model", "tiny", "--judge", "strict"]

        result = json.loads(cli("bench", "answers", *arguments, "--json", "-").stdout)

        assert ("openai/tiny", "openai/strict") == (result["model"], result["judge"])
        assert 2 == result["systems"]["default"]["usage"]["calls"]

    def test_data_without_answers_is_refused(self, cli: Cli, tickets: Path) -> None:
        told = cli("bench", "answers", "--data", tickets, "--dry-run", code=1).stderr

        assert "tickets has no question with an answer; give each question its 'answer'" in told

    def test_how_it_was_measured_is_recorded(self, cli: Cli, data: Path, server: LLMServer) -> None:
        arguments = ["--data", data, "--no-judge", "--api-key", "sk-secret", "--json", "-"]

        result = json.loads(cli("bench", "answers", *arguments).stdout)

        assert result["command"] == (
            "helamem bench answers --data locomo.json --systems default --max-tokens 1000 --model tiny "
            "--no-judge --embedder hashing"
        )
        assert "sk-secret" not in json.dumps(result)

    def test_failed_calls_are_told_and_what_to_do(
        self, cli: Cli, data: Path, server: LLMServer
    ) -> None:
        server.acts = (Fail(500, "out of order"),)

        shown = cli("bench", "answers", "--data", data)

        assert "1 of the questions could not be answered" in shown.stderr
        assert "out of order" in shown.stderr
        assert "The same command asks these again" in shown.stderr

    @pytest.mark.parametrize(
        "senseless",
        [
            ["--prices", "1"],
            ["--prices", "-1,2"],
            ["--prices", "nan,2"],
            ["--judge", "strict", "--no-judge"],
            ["--workers", "0"],
            ["--systems", ","],
        ],
    )
    def test_senseless_options_are_refused(
        self, cli: Cli, data: Path, server: LLMServer, senseless: list[str]
    ) -> None:
        cli("bench", "answers", "--data", data, *senseless, code=2)
        assert [] == server.requests

    def test_without_a_model_it_says_which_variable_to_set(self, cli: Cli, data: Path) -> None:
        assert "HELAMEM_LLM_MODEL" in cli("bench", "answers", "--data", data, code=1).stderr

    def test_an_interrupted_run_says_where_it_goes_on(
        self, cli: Cli, data: Path, server: LLMServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def interrupted(*arguments: object, **settings: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(experiments, "run", interrupted)

        told = cli("bench", "answers", "--data", data, code=1).stderr

        assert "Stopped. The replies so far are kept in" in told


class TestOutputFiles:
    def test_what_failed_leaves_the_file_as_it_was(self, tmp_path: Path) -> None:
        place = tmp_path / "out.json"
        place.write_text("before")

        def fail() -> None:
            with files.writing(str(place)) as file:
                file.write("half")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()

        assert "before" == place.read_text()
        assert [place] == list(tmp_path.iterdir())

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_what_is_no_ordinary_file_is_never_replaced(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        with ThreadPoolExecutor() as pool:
            heard = pool.submit(pipe.read_text)
            with files.writing(str(pipe)) as file:
                file.write("through")

            assert "through" == heard.result(timeout=120)
        assert pipe.is_fifo()

    def test_a_link_goes_on_pointing(self, tmp_path: Path) -> None:
        place, link = tmp_path / "place.json", tmp_path / "link.json"
        link.symlink_to(place)

        with files.writing(str(link)) as file:
            file.write("new")

        assert link.is_symlink()
        assert "new" == place.read_text()

    def test_trying_a_place_leaves_nothing_there_and_what_is_there_alone(
        self, tmp_path: Path
    ) -> None:
        place = tmp_path / "out.json"
        files.OutputFile().convert(str(place), None, None)
        assert [] == list(tmp_path.iterdir())

        place.write_text("before")
        files.OutputFile().convert(str(place), None, None)

        assert [place] == list(tmp_path.iterdir())
        assert "before" == place.read_text()

    def test_a_link_into_a_missing_folder_is_told(self, tmp_path: Path) -> None:
        link = tmp_path / "link.json"
        link.symlink_to(tmp_path / "none" / "out.json")

        with pytest.raises(click.BadParameter, match="there is no folder"):
            files.OutputFile().convert(str(link), None, None)

    def test_two_runs_at_once_do_not_mix(self, tmp_path: Path) -> None:
        place = tmp_path / "out.json"
        with files.writing(str(place)) as one, files.writing(str(place)) as other:
            one.write("one")
            other.write("other")
            one.flush()

        assert "one" == place.read_text()  # whoever is done last
        assert [place] == list(tmp_path.iterdir())

    @pytest.mark.skipif(os.name == "nt", reason="has no such modes")
    def test_who_may_read_a_file_stays_as_it_was(self, tmp_path: Path) -> None:
        place = tmp_path / "out.json"
        place.touch()
        place.chmod(0o640)

        with files.writing(str(place)) as file:
            file.write("new")

        assert 0o640 == place.stat().st_mode & 0o777

    @pytest.mark.skipif(os.name == "nt", reason="has no such modes")
    def test_a_new_file_is_as_open_as_others(self, tmp_path: Path) -> None:
        place, other = tmp_path / "out.json", tmp_path / "other"
        other.touch()

        with files.writing(str(place)) as file:
            file.write("new")

        assert other.stat().st_mode == place.stat().st_mode

    def test_export_into_a_missing_folder_is_told(self, cli: Cli, tmp_path: Path) -> None:
        out = tmp_path / "none" / "all.jsonl"

        assert "there is no folder" in cli("export", "--output", out, code=2).stderr
