from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from rich.console import Console

from evaluation import longmemeval_files
from helamem.errors import ConfigError
from helamem.evaluation import forms, report, runner, systems
from helamem.evaluation.embedding import SharedEmbedder
from helamem.evaluation.experiments import budget, retrieval
from helamem.evaluation.figures import Bars
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from pathlib import Path

    from helamem.evaluation.datasets import Conversation, Dataset, Question
    from helamem.evaluation.systems import Found

SCORES = {
    "questions", "recall@1", "recall@5", "recall@10", "recall@20", "all@5", "all@10", "all@20",
    "ndcg@5", "ndcg@10", "ndcg@20", "p@1", "mrr",
    "sessions@5", "sessions@10", "recall@500tok", "recall@1000tok", "recall@2000tok", "tokens_per_query",
}  # fmt: skip


@pytest.fixture(scope="module")
def result(dataset: Dataset) -> dict[str, Any]:
    return runner.run(
        dataset,
        systems=systems.named(["default", "bm25"]),
        embedder=HashingEmbedder(),
        command="helamem bench",
    )


def test_the_result_has_the_published_names(result: dict[str, Any]) -> None:
    assert {"dataset", "embedder", "config", "systems"} <= set(result)
    assert result["dataset"] == "talks"
    assert result["command"] == "helamem bench"
    entry = result["systems"]["default"]
    assert entry.keys() >= SCORES | {"by_category", "ms_per_query", "ingest_turns_per_s"}
    assert list(entry["by_category"]) == ["multi-hop", "temporal", "single-hop"]
    assert entry["by_category"]["temporal"].keys() == SCORES
    assert entry["ms_per_query"].keys() == {"p50", "p95"}


def test_the_result_is_strict_json(result: dict[str, Any]) -> None:
    assert result == json.loads(json.dumps(result, allow_nan=False))
    assert result["config"]["systems"]["default"]["activation"]["recency_days"] == "inf"


def test_all_questions_with_evidence_are_counted_and_traps_apart(result: dict[str, Any]) -> None:
    entry = result["systems"]["default"]
    assert entry["questions"] == 3
    assert entry["unanswerable"]["questions"] == 1
    assert result["left_out"] == 1


def test_what_hangs_on_single_conversations_is_told(locomo_file: Path, tmp_path: Path) -> None:
    first = json.loads(locomo_file.read_text(encoding="utf-8"))[0]
    second = {**first, "sample_id": "talk-2", "qa": first["qa"][:2]}
    file = tmp_path / "two.json"
    file.write_text(json.dumps([first, second]), encoding="utf-8")
    result = runner.run(
        forms.load(file), systems=systems.named(["recency"]), embedder=HashingEmbedder()
    )
    entry = result["systems"]["recency"]
    parts = entry["by_conversation"]
    assert {name: each["questions"] for name, each in parts.items()} == {"talk-1": 3, "talk-2": 2}
    assert sorted(each["recall@10"] for each in parts.values()) == entry["without_one"]["recall@10"]
    (heading, rows) = retrieval.tables(result)[-1]
    assert heading == "Recall@10 by conversation"
    assert rows[0] == ["system", "talk-1", "talk-2", "one left out"]


def test_of_one_conversation_nothing_can_be_left_out(result: dict[str, Any]) -> None:
    entry = result["systems"]["default"]
    assert entry["without_one"] is None
    assert entry["by_conversation"] == {"talk-1": {"questions": 3, "recall@10": entry["recall@10"]}}


@pytest.mark.parametrize("written", [{"without_one": None}, {}])
def test_what_is_not_there_of_single_conversations_is_not_shown(
    result: dict[str, Any], written: dict[str, Any]
) -> None:
    """Results of older versions have no such keys where there is one conversation."""
    entry = {**result["systems"]["default"]}
    del entry["without_one"], entry["by_conversation"]
    older = {**result, "differences": {}, "systems": {"default": {**entry, **written}}}
    assert "by conversation" not in str(retrieval.tables(older))


def longmemeval(tmp_path: Path, *, marked: bool) -> Dataset:
    file = longmemeval_files.write(tmp_path / "lme.json", questions=10)
    data = json.loads(file.read_text(encoding="utf-8"))
    for session in data[0]["haystack_sessions"]:
        for turn in session:
            turn.pop("has_answer", None)
    if not marked:
        data = data[:1]
    file.write_text(json.dumps(data), encoding="utf-8")
    return forms.load(file)


def test_where_only_sessions_are_known_these_are_scored(tmp_path: Path) -> None:
    embedder, chosen = HashingEmbedder(), systems.named(["bm25", "recency"])
    result = runner.run(longmemeval(tmp_path, marked=True), systems=chosen, embedder=embedder)
    entry = result["systems"]["bm25"]
    assert (entry["questions"], entry["questions_by_session"]) == (8, 9)
    assert entry["unanswerable"]["questions"] == 0
    assert result["left_out"] == 1  # the abstention
    assert "sessions over 9 questions" in retrieval.tables(result)[1][0]


def own(tmp_path: Path, *sessions: str) -> Dataset:
    """A conversation of a turn a session, each of them the evidence of a question."""
    turns = [
        {"id": f"t{n}", "text": f"Word{n}.", "at": f"2024-01-0{n + 1}T10:00:00Z", "session": name}
        for n, name in enumerate(sessions)
    ]
    questions = [{"text": f"Word{n}?", "evidence": [f"t{n}"]} for n in range(len(turns))]
    file = tmp_path / "own.jsonl"
    line = {"id": "talk", "turns": turns, "questions": questions}
    file.write_text(json.dumps(line), encoding="utf-8")
    return forms.load(file)


def test_without_sessions_none_are_reported(tmp_path: Path) -> None:
    embedder, chosen = HashingEmbedder(), systems.named(["bm25", "recency"])
    result = runner.run(own(tmp_path, "", ""), systems=chosen, embedder=embedder)
    entry = result["systems"]["bm25"]
    assert entry["questions"] == 2
    assert not {"sessions@5", "sessions@10", "questions_by_session"} & set(entry)
    (heading, (titles, row, _)) = retrieval.tables(result)[1]
    assert heading == "In a prompt, and by session"
    assert dict(zip(titles, row, strict=True))["sessions@10"] == ""


def test_questions_whose_evidence_has_no_session_are_not_scored_by_session(tmp_path: Path) -> None:
    chosen = systems.named(["bm25"])
    result = runner.run(own(tmp_path, "", "s"), systems=chosen, embedder=HashingEmbedder())
    entry = result["systems"]["bm25"]
    assert (entry["questions"], entry["questions_by_session"]) == (2, 1)
    assert entry["sessions@5"] == 1.0


def test_what_is_scored_by_turns_alone_leaves_out_what_names_only_sessions(tmp_path: Path) -> None:
    data = longmemeval(tmp_path, marked=True)
    assert (data.left_out(), data.left_out(by_session=True)) == (2, 1)
    assert budget.run(data, embedder=HashingEmbedder(), systems=["bm25"])["left_out"] == 2


def test_where_no_turn_is_known_tables_and_plots_still_come(tmp_path: Path) -> None:
    embedder, chosen = HashingEmbedder(), systems.named(["bm25", "recency"])
    result = runner.run(longmemeval(tmp_path, marked=False), systems=chosen, embedder=embedder)
    assert result == json.loads(json.dumps(result, allow_nan=False))
    assert result["systems"]["bm25"]["questions"] == 0
    assert "recall@10" not in result["systems"]["bm25"]
    assert [row[1] for row in retrieval.tables(result)[0][1][1:]] == ["", ""]
    assert "Sessions@10 by category" in dict(retrieval.tables(result))
    (plot,) = retrieval.plots(result)
    assert isinstance(plot, Bars)
    assert plot.x == "sessions@10"
    assert [bar[1] for bar in plot.bars.values()] == [[], []]


def test_where_no_answer_is_known_nothing_is_measured(dataset: Dataset) -> None:
    (conversation,) = dataset.conversations
    questions = tuple(replace(q, evidence=()) for q in conversation.questions)
    bare = replace(dataset, conversations=(replace(conversation, questions=questions),))
    with pytest.raises(ConfigError, match="talks has no question of which it says what answers"):
        runner.run(bare, systems=systems.named(["bm25"]), embedder=HashingEmbedder())


def test_where_no_question_has_an_answer_no_time_is_reported(dataset: Dataset) -> None:
    (conversation,) = dataset.conversations
    apart = replace(
        dataset,
        conversations=(replace(conversation, questions=tuple(dataset.apart(conversation))),),
    )
    result = runner.run(apart, systems=systems.named(["bm25"]), embedder=HashingEmbedder())
    assert result["systems"]["bm25"]["ms_per_query"] == {"p50": None, "p95": None}
    assert retrieval.tables(result)[2][1][1][1:3] == ["", ""]


def test_a_memory_that_is_asked_nothing_is_not_built(tmp_path: Path) -> None:
    file = longmemeval_files.write(tmp_path / "lme.json", questions=10)
    built: list[str] = []

    def build(conversation: Conversation, embedder: object, folder: Path) -> Conversation:
        built.append(conversation.id)
        return conversation

    def search(conversation: Conversation, question: Question, k: int) -> Found:
        return systems.found(conversation, [])

    system = systems.System("empty", build, search)
    runner.run(forms.load(file), systems=[system], embedder=HashingEmbedder())
    assert len(built) == 9
    assert "q0009_abs" not in built


def test_many_long_categories_get_a_row_each(tmp_path: Path) -> None:
    file = longmemeval_files.write(tmp_path / "lme.json", questions=9)
    chosen = systems.named(["bm25", "recency"])
    result = runner.run(forms.load(file), systems=chosen, embedder=HashingEmbedder())
    _, rows = retrieval.by_category(result["systems"])
    assert rows[0] == ["category", "bm25", "recency"]
    assert len(rows) == 1 + 6


def test_a_file_has_a_size_and_an_index_in_memory_has_none(result: dict[str, Any]) -> None:
    assert result["systems"]["default"]["bytes_per_turn"] > 0
    assert result["systems"]["bm25"]["bytes_per_turn"] == 0


def test_the_first_system_is_compared_with_the_others(result: dict[str, Any]) -> None:
    (name,) = result["differences"]
    gap = result["differences"][name]["recall@10"]
    ahead, behind = (result["systems"][each]["recall@10"] for each in ("default", "bm25"))
    assert name == "default - bm25"
    assert gap["mean"] == pytest.approx(ahead - behind, abs=1e-4)
    assert gap["ci95"][0] <= gap["mean"] <= gap["ci95"][1]


def test_where_no_question_is_timed_there_are_no_times(dataset: Dataset) -> None:
    (talk,) = dataset.conversations
    traps = replace(talk, questions=tuple(q for q in talk.questions if not q.answer))
    result = runner.run(
        replace(dataset, conversations=(traps,)),
        systems=systems.named(["recency"]),
        embedder=HashingEmbedder(),
    )
    assert result["systems"]["recency"]["unanswerable"]["questions"] == 1
    assert result["systems"]["recency"]["ms_per_query"] == {"p50": None, "p95": None}


def test_progress_counts_every_question_of_every_system(dataset: Dataset) -> None:
    told: list[tuple[str, int, int]] = []
    runner.run(
        dataset,
        systems=systems.named(["bm25", "recency"]),
        embedder=HashingEmbedder(),
        progress=lambda *step: told.append(step),
    )
    assert [(done, 8) for done in range(1, 9)] == [step[1:] for step in told]
    assert told[-1][0] == "recency, talk-1"


def scripted(ranked: list[str]) -> systems.System[Conversation]:
    def build(conversation: Conversation, embedder: object, folder: Path) -> Conversation:
        return conversation

    def search(conversation: Conversation, question: Question, k: int) -> Found:
        return systems.found(conversation, ranked)

    return systems.System("scripted", build, search)


def test_two_systems_of_one_name_are_refused(dataset: Dataset) -> None:
    with pytest.raises(ConfigError, match="'scripted' is named twice; name each system once"):
        runner.run(dataset, systems=[scripted([])] * 2, embedder=HashingEmbedder())


def test_means_are_over_questions_worked_by_hand(dataset: Dataset) -> None:
    # Evidence: single-hop D2:2 and D2:4, temporal D1:4, multi-hop D1:1 and D3:1.
    system = scripted(["D2:2", "D1:1", "D1:2", "D1:3", "D2:1", "D1:4"])
    result = runner.run(dataset, systems=[system], embedder=HashingEmbedder())
    entry = result["systems"]["scripted"]
    assert entry["recall@5"] == pytest.approx((1 / 2 + 0 + 1 / 2) / 3, abs=1e-4)
    assert entry["recall@10"] == pytest.approx((1 / 2 + 1 + 1 / 2) / 3, abs=1e-4)
    assert entry["mrr"] == pytest.approx((1 + 1 / 6 + 1 / 2) / 3, abs=1e-4)
    assert entry["by_category"]["temporal"]["recall@10"] == 1
    assert entry["recall@1000tok"] == entry["recall@10"]


def test_a_state_is_closed_and_its_folder_goes_also_after_a_failure(dataset: Dataset) -> None:
    folders: list[Path] = []

    class State:
        closed = False

        def close(self) -> None:
            self.closed = True

    state = State()

    def build(conversation: Conversation, embedder: object, folder: Path) -> State:
        folders.append(folder)
        return state

    def search(state: State, question: Question, k: int) -> Found:
        raise RuntimeError("broken")

    broken = systems.System("broken", build, search)
    with pytest.raises(RuntimeError, match="broken"):
        runner.run(dataset, systems=[broken], embedder=HashingEmbedder())
    assert state.closed
    assert not folders[0].exists()


class CountingEmbedder(HashingEmbedder):
    texts = 0

    def embed(self, texts: Any) -> Any:
        self.texts += len(texts)
        return super().embed(texts)


def test_systems_share_the_embedding_of_turns_but_not_that_of_questions(dataset: Dataset) -> None:
    counts = []
    for names in (["cosine"], ["cosine", "hybrid"]):
        embedder = CountingEmbedder()
        runner.run(dataset, systems=systems.named(names), embedder=embedder)
        counts.append(embedder.texts)
    assert counts[1] - counts[0] == 4  # hybrid's four questions, none of the eleven turns


def test_a_kept_vector_is_the_same_and_its_time_is_counted() -> None:
    plain, shared = HashingEmbedder(), SharedEmbedder(HashingEmbedder())
    with shared.keeping():
        shared.embed(["red", "green"])
    assert shared.saved_s == 0
    assert np.array_equal(plain.embed(["green", "blue"]), shared.embed(["green", "blue"]))
    assert shared.saved_s > 0
    once = shared.saved_s
    shared.embed(["blue"])  # embedded outside: not kept
    assert shared.saved_s == once
    shared.forget()
    shared.embed(["green"])
    assert shared.saved_s == once


def test_an_empty_list_of_texts_has_no_rows() -> None:
    assert SharedEmbedder(HashingEmbedder(16)).embed([]).shape == (0, 16)


def test_the_table_names_systems_categories_and_the_data(result: dict[str, Any]) -> None:
    screen = io.StringIO()
    report.print_table(result, Console(file=screen, width=160))
    shown = screen.getvalue()
    for words in ("talks (sha256 ", "11 turns", "default", "bm25", "multi-hop", "R@1000 tok"):
        assert words in shown
    assert f"{result['systems']['default']['recall@10']:.3f}" in shown


def test_markdown_has_a_row_for_every_system(result: dict[str, Any]) -> None:
    rows = [line for line in report.page("talks", result).splitlines() if line.startswith("| bm25")]
    assert len(rows) == len(retrieval.tables(result))
    assert rows[0].count("|") == len(retrieval.RANKS) + 3
