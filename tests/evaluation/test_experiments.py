from __future__ import annotations

import io
import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from evaluation import longmemeval_files
from helamem.config import Config, names, value_of
from helamem.errors import ConfigError, DataError, MissingExtraError
from helamem.evaluation import (
    experiments,
    figures,
    findings,
    forms,
    learners,
    processes,
    report,
)
from helamem.evaluation.copies import original
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.experiments import (
    ablation,
    budget,
    facts,
    forgetting,
    sensitivity,
    suite,
    tenants,
)
from helamem.evaluation.figures import Bars, Plot
from helamem.models.embedders import HashingEmbedder
from helamem.search.confidence import WEIGHTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from helamem.evaluation.datasets import Dataset, Question

# Small enough to run in a moment; the rest of the settings are the experiment's own.
SMALL: dict[str, dict[str, Any]] = {
    "retrieval": {"systems": ["default", "paper-undecayed", "full-text"]},
    "learning": {"splits": 1, "pass_splits": 1},
    "reuse": {"splits": 1, "pass_splits": 0},
    "ablation": {
        "only": {
            "default",
            "without words",
            "with paper's time decay",
            "paper with no time decay",
        }
    },
    "sensitivity": {"factors": (1.0, 2.0)},
    "answers": {"dry_run": True},
    "budget": {"systems": ["default", "full-text"]},
    "speed": {"sizes": [20, 60], "vs": ["released", "numpy"], "runner": processes.here},
    "tenants": {
        "loads": "hashing:32", "namespaces": 3, "turns": 4, "large": 6, "clients": 2, "requests": 2,
        "runner": processes.here,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def two_talks(tmp_path_factory: pytest.TempPathFactory, locomo_file: Path) -> Path:
    first = json.loads(locomo_file.read_text(encoding="utf-8"))[0]
    second = {**first, "sample_id": "talk-2"}
    file = tmp_path_factory.mktemp("data") / "two.json"
    file.write_text(json.dumps([first, second]), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def results(locomo_file: Path, two_talks: Path) -> dict[str, dict[str, Any]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(tenants, "LESSONS", 5)
        patched.setattr(tenants, "NEW", tenants.NEW[:2])
        return {
            name: experiments.run(
                name,
                two_talks if name == "forgetting" else locomo_file,
                embedder="hashing:32",
                command="helamem bench",
                **SMALL.get(name, {}),
            )
            for name in experiments.NAMES
        }


@pytest.mark.parametrize("name", experiments.NAMES)
def test_a_result_is_strict_json_and_says_where_it_is_from(
    name: str, results: dict[str, dict[str, Any]]
) -> None:
    result = results[name]
    assert result == json.loads(json.dumps(result, allow_nan=False))
    assert result["dataset"] == ("two" if name == "forgetting" else "talks")
    assert result["command"] == "helamem bench"
    assert result["helamem"]
    assert experiments.of(result) is experiments.experiment(name)


@pytest.mark.parametrize("name", experiments.NAMES)
def test_tables_are_rectangular_and_print(name: str, results: dict[str, dict[str, Any]]) -> None:
    screen = io.StringIO()
    report.print_table(results[name], Console(file=screen, width=300))
    for heading, rows in experiments.of(results[name]).tables(results[name]):
        assert heading in screen.getvalue()
        assert {len(row) for row in rows} == {len(rows[0])}, heading
        assert len(rows) > 1


@pytest.mark.parametrize("name", experiments.NAMES)
def test_plots_have_as_many_values_as_places(name: str, results: dict[str, dict[str, Any]]) -> None:
    for plot in experiments.of(results[name]).plots(results[name]):
        if isinstance(plot, Bars):
            assert plot.bars
            assert all(len(ends) in (0, 2) for _, ends in plot.bars.values())
        else:
            assert plot.lines
            assert all(len(xs) == len(ys) for xs, ys in plot.lines.values())


def test_an_unknown_experiment_is_refused_with_those_there_are(two_talks: Path) -> None:
    with pytest.raises(ConfigError, match="no experiment 'luck'; there are retrieval, suite"):
        experiments.run("luck", two_talks)


@pytest.mark.parametrize("name", sorted(experiments.NEED_TURNS))
def test_where_no_turn_is_known_to_answer_that_is_told(name: str, tmp_path: Path) -> None:
    turn = {"id": "1", "text": "Hello.", "at": "2024-05-06T09:00:00Z"}
    file = tmp_path / "bare.jsonl"
    file.write_text(json.dumps({"id": "a", "turns": [turn], "questions": [{"text": "Who?"}]}))
    with pytest.raises(ConfigError, match="says which turns answer it"):
        experiments.run(name, file, embedder="hashing")


def test_each_ablation_differs_from_where_it_starts_in_what_it_says() -> None:
    variants = ablation.variants()
    assert next(iter(variants)) == "default"
    assert len(set(map(repr, variants.values()))) == len(variants)


def test_a_part_taken_away_is_gone(results: dict[str, dict[str, Any]]) -> None:
    settings = results["ablation"]["config"]["systems"]
    assert settings["without words"]["activation"]["words"] == 0
    assert settings["with paper's time decay"]["activation"]["recency_days"] == 60
    assert settings["paper with no time decay"]["activation"]["recency_days"] == "inf"


DEFAULT_SESSION = Config().activation.session


def test_sensitivity_moves_one_number_at_a_time_around_its_default() -> None:
    plain = repr(Config.of())
    cases = list(sensitivity.moved())
    values = [value for name, value, _ in cases if name == "activation.session"]
    half, default, double = (0.5 * DEFAULT_SESSION, DEFAULT_SESSION, 2 * DEFAULT_SESSION)
    assert [values[0], values[2], values[-1]] == pytest.approx([half, default, double])
    assert [v for name, v, _ in cases if name == "activation.window"] == [2, 3, 5, 7, 10]
    assert not {"spreading.learned", "activation.recency_days"} & {name for name, _, _ in cases}
    assert plain in {repr(config) for _, _, config in cases}


def test_sensitivity_leaves_out_only_what_no_factor_moves_and_what_is_idle() -> None:
    values = {
        name: value
        for name in names()
        if name.startswith(sensitivity.SECTIONS)
        if type(value := value_of(Config.of(), name)) in (int, float)
    }
    left = values.keys() - {name for name, _, _ in sensitivity.moved()}
    assert sensitivity.IDLE == {name for name in left if values[name] not in (0, math.inf)}


def test_more_tokens_never_find_less_and_all_of_it_finds_all(
    results: dict[str, dict[str, Any]],
) -> None:
    for values in results["budget"]["recall"].values():
        assert values == sorted(values)
    assert results["budget"]["recall"]["full-text"][-1] == 1.0
    assert results["budget"]["tokens"] == list(budget.BUDGETS)


def test_recorded_facts_are_hits_that_count_as_their_turns(two_talks: Path) -> None:
    conversation = forms.load(two_talks).conversations[0]
    embedder = SharedEmbedder(HashingEmbedder())
    with original(conversation, embedder) as memory, memory.copy(Config.of()) as state:
        assert facts.put_in(state, conversation, embedder) == 2
        found = state.search(replace(conversation.questions[0], text="bakery in Ghent"), 10)
        (hit,) = [h for h in found.hits if h.text == "Tom works at a bakery in Ghent."]
        assert [t for source in hit.sources for t in found.turn_ids[source]] == ["D1:2", "D1:4"]


def test_a_copy_is_as_private_as_its_original(
    two_talks: Path, caplog: pytest.LogCaptureFixture
) -> None:
    conversation = forms.load(two_talks).conversations[0]
    with original(conversation, HashingEmbedder()) as memory, memory.copy(Config.of()):
        assert [] == caplog.messages


def test_facts_are_counted_and_without_them_there_are_none(
    results: dict[str, dict[str, Any]],
) -> None:
    variants = results["facts"]["variants"]
    assert variants["episodes alone"]["facts"] == 0
    assert variants["recorded facts, at most 3"]["facts"] == 2
    assert variants["after experience, episodes alone"]["facts"] == 0
    assert variants["episodes alone"]["questions"] == 3
    assert variants["after experience, extracted facts"]["questions"] == 2


def test_recorded_facts_are_measured_where_there_are_some(dataset: Dataset) -> None:
    bare = replace(
        dataset, conversations=tuple(replace(c, observations=()) for c in dataset.conversations)
    )
    result = facts.run(bare, embedder=HashingEmbedder())

    assert [
        "episodes alone",
        "after experience, episodes alone",
        "after experience, extracted facts",
    ] == list(result["variants"])
    assert set(result["variants"]) == set(result["config"]["systems"])
    assert facts.tables(result)


def test_distractors_come_from_the_others_and_take_ranks(two_talks: Path) -> None:
    dataset = forms.load(two_talks)
    conversation = dataset.conversations[0]
    with original(conversation, HashingEmbedder()) as memory, memory.copy(Config.of()) as state:
        grown = forgetting.add_distractors(state, dataset, conversation, 3)
        assert state.memory.stats().episodes == 4 * len(conversation.turns)
        ranked = grown.search(conversation.questions[0], 100).ranked()
        assert any(turn.startswith("other ") for turn in ranked)
        assert any(turn in conversation.turn_ids for turn in ranked)


def test_forgetting_removes_and_what_served_is_still_found(
    results: dict[str, dict[str, Any]],
) -> None:
    arms = results["forgetting"]["arms"]
    assert arms["keeps all"]["episodes"] == [11.0, 22.0, 66.0, 231.0]
    assert all(
        less < more
        for less, more in zip(
            arms["forgets"]["episodes"], arms["keeps all"]["episodes"], strict=True
        )
    )
    assert min(arms["forgets"]["returning"]) > 0


def test_both_memories_are_asked_when_two_months_have_passed(
    two_talks: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset = forms.load(two_talks)
    last = max(question.at for question in dataset.conversations[0].questions)
    examined: list[list[tuple[str, datetime]]] = []

    def examine(state: object, questions: Sequence[Question], exam: learners.Exam) -> None:
        examined.append([(question.text, question.at) for question in questions])

    monkeypatch.setattr(learners, "examine", examine)
    forgetting.run(dataset, embedder=HashingEmbedder())

    assert {last + forgetting.LATER} == {at for each in examined for _, at in each}
    of_one_growth = examined[: 2 * len(forgetting.NEEDS)]
    assert of_one_growth[:2] == of_one_growth[2:]


def test_where_no_need_returns_there_is_no_recall_of_it(two_talks: Path) -> None:
    dataset = forms.load(two_talks)
    single = replace(
        dataset,
        conversations=tuple(replace(c, questions=c.questions[:1]) for c in dataset.conversations),
    )
    result = forgetting.run(single, embedder=HashingEmbedder())

    assert {None} == {value for arm in result["arms"].values() for value in arm["returning"]}
    ((_, rows),) = forgetting.tables(result)
    assert ["keeps all: returning needs", "", "", "", ""] in rows
    assert not any("returning" in each for each in findings.not_shown(result))


def test_budget_says_nothing_where_nothing_can_be_scored(dataset: Dataset) -> None:
    (conversation,) = dataset.conversations
    bare = replace(dataset, conversations=(replace(conversation, questions=()),))
    result = budget.run(replace(bare, categories=()), embedder=HashingEmbedder(), systems=["bm25"])
    ((_, rows),) = budget.tables(result)
    assert set(rows[1][1:]) == {""}


def test_forgetting_needs_others_to_distract_with(dataset: Dataset) -> None:
    with pytest.raises(ConfigError, match="one conversation"):
        forgetting.run(dataset, embedder=HashingEmbedder())


def test_reuse_asks_every_question_again(results: dict[str, dict[str, Any]]) -> None:
    assert results["reuse"]["arms"]["none"]["questions"] == 3
    assert set(results["reuse"]["arms"]) == set(learners.ARMS)


def test_facts_are_compared_with_the_same_questions_without_them(
    results: dict[str, dict[str, Any]],
) -> None:
    variants = results["facts"]["variants"]
    for name, before in (
        ("recorded facts, at most 3", "episodes alone"),
        ("after experience, extracted facts", "after experience, episodes alone"),
    ):
        won = variants[name]["recall@10"] - variants[before]["recall@10"]
        assert variants[name]["gain"]["mean"] == pytest.approx(won, abs=2e-4)


def test_tenants_are_measured_in_a_file_too(results: dict[str, dict[str, Any]]) -> None:
    found = results["tenants"]

    assert "SQLite" in found["store"]
    assert (3, 4, 6, None) == tuple(
        found[name] for name in ("namespaces", "turns_each", "large", "deadlocks")
    )
    assert (5 * tenants.LEARNERS, 0) == (found["learned"]["lessons"], found["learned"]["lost"])
    assert 1.0 == found["in_large"]["one"]["recall@20"]
    assert found["search"]["ms"]["p50"] <= found["search"]["ms"]["p99"]


def test_speed_is_measured_on_as_many_turns_as_asked(results: dict[str, dict[str, Any]]) -> None:
    sizes = results["speed"]["sizes"]
    assert [each["turns"] for each in sizes] == [20, 60]
    assert all(each["bytes_per_turn"] > 0 and each["search_ms"]["p50"] > 0 for each in sizes)


def test_the_same_plot_gives_the_same_svg(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    lines = Plot("twice", "A line", "x", "y", {"one": ([1, 2], [0.5, 0.6])}, logarithmic=True)
    bars = Bars("bars", "Bars", "x", {"one": (0.5, [0.4, 0.6]), "two": (-0.1, [])}, signed=True)
    for plot in (lines, bars):
        first = figures.draw(plot, tmp_path)[1].read_bytes()
        assert first == figures.draw(plot, tmp_path)[1].read_bytes()


def test_without_matplotlib_the_install_line_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'helamem\[bench\]'"):
        figures.draw(Plot("none", "", "", "", {}), tmp_path)


@pytest.mark.parametrize("name", experiments.NAMES)
def test_a_table_fits_a_terminal_without_losing_a_number(
    name: str, results: dict[str, dict[str, Any]]
) -> None:
    screen = io.StringIO()
    report.print_table(capped(results[name]), Console(file=screen, width=112))
    assert "…" not in screen.getvalue()


def capped(value: Any) -> Any:
    """The result as a machine that is not busy would give it: what was measured is at most 999, and not negative."""
    if isinstance(value, dict):
        return {key: capped(each) for key, each in value.items()}
    if isinstance(value, list):
        return [capped(each) for each in value]
    return min(max(value, 0.0), 999.0) if isinstance(value, float) else value


def test_a_suite_measures_every_data_set_of_a_folder(
    two_talks: Path, locomo_file: Path, tmp_path: Path
) -> None:
    for file in (two_talks, locomo_file):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "README.md").write_text("no data")

    result = experiments.run(
        "suite", tmp_path, embedder="hashing:32", systems=["default", "bm25"], command="c"
    )

    alone = experiments.run(
        "retrieval", two_talks, embedder="hashing:32", systems=["default", "bm25"]
    )
    assert ["talks", "two"] == list(result["corpora"])
    for metric in ("recall@10", "mrr", "recall@1000tok"):
        systems = result["corpora"]["two"]["systems"]
        assert alone["systems"]["bm25"][metric] == systems["bm25"][metric]
    (_, rows), *_ = suite.tables(result)
    assert ["data", "talks", "two", "mean"] == [row[0] for row in rows]
    assert result["turns"] == sum(each["turns"] for each in result["corpora"].values())


def test_a_suite_tells_nothing_by_turns_of_a_data_set_that_names_sessions_alone(
    two_talks: Path, tmp_path: Path
) -> None:
    (tmp_path / two_talks.name).write_bytes(two_talks.read_bytes())
    file = longmemeval_files.write(tmp_path / "sessions.json", questions=2)
    file.write_text(file.read_text("utf-8").replace("has_answer", "was_answer"), "utf-8")

    result = experiments.run("suite", tmp_path, embedder="hashing:32", systems=["default", "bm25"])

    (_, (_, sessions, two, mean)), *_ = suite.tables(result)
    assert ["sessions", "0", "", "", ""] == sessions
    assert two[2:4] == mean[2:4]
    assert suite.plots(result)


def test_abstention_asks_what_other_memories_know(two_talks: Path) -> None:
    result = experiments.run("abstention", two_talks, embedder="hashing:32", fit=True, command="c")

    assert {"other memories", "two, other memories", "nonsense"} <= set(result["sets"])
    for each in result["sets"].values():
        assert {"questions", "auroc", "ece", "injected"} == set(each)
        assert all(0 <= each[metric] <= 1 for metric in ("auroc", "ece", "injected"))
    assert Config().ask.min_confidence == result["threshold"]
    at = [row["recall@10"] for row in result["thresholds"]["two"]]
    assert sorted(at, reverse=True) == at
    assert set(WEIGHTS) == set(result["fit"]["weights"])


def test_a_folder_without_data_is_no_suite(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no data set; give a folder with \.json or \.jsonl"):
        experiments.run("suite", tmp_path)
