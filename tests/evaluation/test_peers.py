"""Peers in programs of their own: what they are told, what is kept, and what is made of it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from helamem.evaluation import forms, report
from helamem.evaluation.experiments import retrieval
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helamem.evaluation.datasets import Conversation, Dataset

PEERS = Path(__file__).parents[2] / "benchmarks" / "peers"

# It returns turns in their order, from as far on as it was searched before, and it is never searched twice.
FAKE = f'''"""Returns turns in order,
as they come."""

import sys

sys.path.insert(0, {str(PEERS)!r})

import common


class Fake:
    package = "pytest"
    searching_writes = True

    def __init__(self, folder, model):
        self.turns, self.searches = [], -1  # the first search is before any turn

    def add(self, turns):
        self.turns += [turn["id"] for turn in turns]

    def search(self, question, k):
        self.searches += 1
        self.timed = "bakery" not in question
        return self.turns[self.searches :][:k]


common.main(Fake)
'''


@pytest.fixture(scope="module")
def run() -> Any:
    return imported("run")


@pytest.fixture(scope="module")
def recordings() -> Any:
    return imported("recordings")


def imported(name: str) -> Any:
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(str(PEERS))
        return importlib.import_module(name)


@pytest.fixture(scope="module")
def two_talks(tmp_path_factory: pytest.TempPathFactory, locomo_file: Path) -> Dataset:
    first = json.loads(locomo_file.read_text(encoding="utf-8"))[0]
    file = tmp_path_factory.mktemp("data") / "two.json"
    file.write_text(json.dumps([first, {**first, "sample_id": "talk-2"}]), encoding="utf-8")
    return forms.load(file)


@pytest.fixture
def talk(dataset: Dataset) -> Conversation:
    return dataset.conversations[0]


@pytest.fixture
def asked_of(recordings: Any, tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What asks a peer's program, written as text, with this interpreter unless told otherwise."""
    requirements = tmp_path / "fake.txt"
    requirements.write_text("fake==1.0\n", encoding="utf-8")

    def ask(
        conversation: Conversation,
        code: str = FAKE,
        hours: float = 0.1,
        python: str = sys.executable,
    ) -> dict[str, Any]:
        program = tmp_path / "fake_peer.py"
        program.write_text(code, encoding="utf-8")
        found: dict[str, Any] = recordings.recorded(
            conversation,
            program=program,
            requirements=[requirements],
            python=Path(python),
            model=recordings.Model("fake/1", tmp_path, first=(tmp_path / "first",)),
            hours=hours,
            folder=tmp_path / "recorded",
        )
        return found

    return ask


NOWHERE = "/no/such/python"  # so that whatever is run fails


class TestRequest:
    def test_it_has_turns_and_questions_and_nothing_that_answers(
        self, recordings: Any, talk: Conversation
    ) -> None:
        asked = recordings.request(talk)

        assert {"k", "turns", "questions"} == set(asked)
        assert {"id", "text", "speaker", "session", "at"} == set(asked["turns"][0])
        assert all({"id", "text"} == set(question) for question in asked["questions"])
        assert "evidence" not in json.dumps(asked)
        assert "1 April 2024" not in json.dumps(asked)

    def test_peers_read_what_the_simple_systems_read(
        self, recordings: Any, talk: Conversation
    ) -> None:
        text = recordings.request(talk)["turns"][0]["text"]

        assert text.startswith("[3 March 2024] Iris: Hi Tom!")


class TestRecording:
    def test_a_program_is_run_and_its_rankings_come_back(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation
    ) -> None:
        found = asked_of(talk)

        assert set(found) == {"versions", "add_s", "rankings"}
        assert {"pytest", "python"} <= set(found["versions"])
        assert set(found["rankings"]) == {question.id for question in talk.questions}
        assert found["add_s"] >= 0

    def test_what_searching_writes_is_gone_at_the_next_question(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation
    ) -> None:
        rankings = asked_of(talk)["rankings"].values()

        assert all(list(talk.turn_ids[1:]) == each["ranked"] for each in rankings)

    def test_a_search_whose_time_is_not_its_own_has_none(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation
    ) -> None:
        rankings = asked_of(talk)["rankings"]

        timed = {q.text: rankings[q.id]["ms"] is not None for q in talk.questions}
        assert all(is_timed == ("bakery" not in text) for text, is_timed in timed.items())

    def test_packages_are_looked_for_in_the_models_folders_first(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation, tmp_path: Path
    ) -> None:
        (tmp_path / "first").mkdir()
        (tmp_path / "first" / "standing_in.py").write_text("", encoding="utf-8")

        assert "rankings" in asked_of(
            talk, FAKE.replace("import common", "import standing_in, common")
        )

    def test_it_is_not_run_again(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation
    ) -> None:
        found = asked_of(talk)

        assert found == asked_of(talk, python=NOWHERE)

    def test_it_holds_no_text(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation, tmp_path: Path
    ) -> None:
        asked_of(talk)

        (file,) = (tmp_path / "recorded").iterdir()
        assert "greyhound" not in file.read_text(encoding="utf-8")

    def test_other_words_at_the_top_change_nothing(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation
    ) -> None:
        found = asked_of(talk)

        assert found == asked_of(talk, FAKE.replace("Returns turns", "Gives"), python=NOWHERE)

    def test_another_program_is_run(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation
    ) -> None:
        asked_of(talk)

        with pytest.raises(FileNotFoundError):
            asked_of(talk, FAKE.replace("-1", "0"), python=NOWHERE)

    def test_other_requirements_are_run(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation, tmp_path: Path
    ) -> None:
        asked_of(talk)
        (tmp_path / "fake.txt").write_text("fake==1.1\n", encoding="utf-8")

        with pytest.raises(FileNotFoundError):
            asked_of(talk, python=NOWHERE)

    def test_other_settings_are_run(
        self,
        recordings: Any,
        asked_of: Callable[..., dict[str, Any]],
        talk: Conversation,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        asked_of(talk)
        monkeypatch.setitem(recordings.SETTINGS, "OMP_NUM_THREADS", "2")

        with pytest.raises(FileNotFoundError):
            asked_of(talk, python=NOWHERE)

    def test_another_python_is_run(
        self,
        recordings: Any,
        asked_of: Callable[..., dict[str, Any]],
        talk: Conversation,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        found = asked_of(talk)
        monkeypatch.setattr(recordings, "run", lambda *asked, **how: {"add_s": 0.0})

        assert found == asked_of(talk)
        monkeypatch.setattr(recordings, "version_of", lambda python: "3.99.0")
        assert {"add_s": 0.0} == asked_of(talk)

    def test_our_own_python_does_not_matter(
        self,
        recordings: Any,
        asked_of: Callable[..., dict[str, Any]],
        talk: Conversation,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        found = asked_of(talk)
        ours = {**recordings.hardware(), "python": "3.99.0", "numpy": "9.0"}
        monkeypatch.setattr(recordings, "hardware", lambda: ours)
        assert found == asked_of(talk, python=NOWHERE)

        monkeypatch.setattr(recordings, "hardware", lambda: {**ours, "cores": 1000})
        with pytest.raises(FileNotFoundError):
            asked_of(talk, python=NOWHERE)

    def test_writing_that_breaks_off_leaves_no_half(
        self,
        recordings: Any,
        asked_of: Callable[..., dict[str, Any]],
        talk: Conversation,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        resource: Any = pytest.importorskip("resource")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

        def fill(*asked: object, **how: object) -> dict[str, Any]:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))  # as if the disk were full
            return {"rankings": "x" * 5000}

        monkeypatch.setattr(recordings, "run", fill)
        try:
            with pytest.raises(OSError, match="File too large"):
                asked_of(talk)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

        assert [] == list((tmp_path / "recorded").iterdir())

    def test_a_program_that_takes_too_long_is_given_up_and_tried_again_with_more_time(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation
    ) -> None:
        slow = "import time\n\ntime.sleep(60)\n"

        assert {"not_finished_after_h": 1e-5} == asked_of(talk, slow, hours=1e-5)
        assert {"not_finished_after_h": 1e-5} == asked_of(talk, slow, hours=1e-6, python=NOWHERE)
        with pytest.raises(FileNotFoundError):
            asked_of(talk, slow, hours=2e-5, python=NOWHERE)

    def test_a_program_that_fails_stops_the_run(
        self, asked_of: Callable[..., dict[str, Any]], talk: Conversation
    ) -> None:
        with pytest.raises(subprocess.CalledProcessError):
            asked_of(talk, FAKE.replace("self.searches += 1", "self.searches += self.nothing"))

    def test_the_note_is_what_the_program_says_at_its_top(
        self, recordings: Any, tmp_path: Path
    ) -> None:
        (tmp_path / "fake_peer.py").write_text(FAKE, encoding="utf-8")

        assert "Returns turns in order, as they come." == recordings.note(tmp_path / "fake_peer.py")


def answers(conversation: Conversation, ms: float | None = 4.0) -> dict[str, Any]:
    """A recording of a peer that returns all turns in order."""
    ranked = list(conversation.turn_ids)
    rankings = {question.id: {"ranked": ranked, "ms": ms} for question in conversation.questions}
    return {"versions": {"fake": "1.0"}, "add_s": 0.5, "rankings": rankings}


def given_up(conversation: Conversation) -> dict[str, Any]:
    return {"not_finished_after_h": 1.0}


def measured(
    run: Any, dataset: Dataset, peers: Mapping[str, Callable[[Conversation], dict[str, Any]]]
) -> dict[str, Any]:
    result: dict[str, Any] = run.measure(
        dataset,
        peers,
        systems=["bm25"],
        embedder=HashingEmbedder(32),
        command="python run.py measure",
        notes=dict.fromkeys(peers, "It is a fake."),
    )
    return result


@pytest.fixture(scope="module")
def result(run: Any, two_talks: Dataset) -> dict[str, Any]:
    """One peer that finishes both conversations, one that finishes the first, and one none."""

    def finishes_one(conversation: Conversation) -> dict[str, Any]:
        return (answers if conversation.id == "talk-1" else given_up)(conversation)

    return measured(run, two_talks, {"all": answers, "one": finishes_one, "none": given_up})


class TestMeasure:
    def test_the_rankings_are_scored_as_they_are(self, result: dict[str, Any]) -> None:
        scores = result["systems"]["all"]

        # All of D1, and three of the five turns of D2, are among the first ten; D3:1 is the tenth.
        assert 1.0 == scores["recall@10"]
        assert scores["questions"] == result["systems"]["bm25"]["questions"] == 6

    def test_times_are_the_peers_own(self, result: dict[str, Any]) -> None:
        scores = result["systems"]["all"]

        assert {"p50": 4.0, "p95": 4.0} == scores["ms_per_query"]
        assert 22.0 == scores["ingest_turns_per_s"]

    def test_questions_that_are_not_timed_do_not_count_as_fast(
        self, run: Any, dataset: Dataset
    ) -> None:
        (talk,) = dataset.conversations
        recorded = answers(talk)
        for question in dataset.scored(talk)[1:]:
            recorded["rankings"][question.id]["ms"] = None

        assert {"p50": 4.0, "p95": 4.0} == run.cost(dataset, {talk.id: recorded})["ms_per_query"]

    def test_a_peer_of_which_nothing_is_timed_has_no_times(
        self, run: Any, two_talks: Dataset
    ) -> None:
        untimed = measured(run, two_talks, {"slow": lambda talk: answers(talk, ms=None)})

        assert {"p50": None, "p95": None} == untimed["systems"]["slow"]["ms_per_query"]
        (_, (titles, *rows)) = retrieval.tables(untimed)[2]
        (row,) = [row for row in rows if row[0] == "slow"]
        assert ["", ""] == [row[titles.index(title)] for title in ("ms p50", "ms p95")]

    def test_who_did_not_finish_is_compared_on_what_it_finished(
        self, result: dict[str, Any]
    ) -> None:
        (part,) = result["parts"]

        assert ["bm25", "all"] == list(result["systems"])
        assert ["bm25", "one"] == list(part["systems"])
        assert ["talk-1"] == part["conversations"]
        assert {3} == {each["questions"] for each in part["systems"].values()}
        assert ["bm25 - one"] == list(part["differences"])

    def test_it_says_what_was_not_finished(self, result: dict[str, Any]) -> None:
        peers = result["peers"]

        assert [] == peers["all"]["not_finished"]
        assert ["talk-2"] == peers["one"]["not_finished"]
        assert {"note": "It is a fake.", "versions": {}, "not_finished": ["talk-1", "talk-2"]} == (
            peers["none"]
        )

    def test_it_is_strict_json_without_texts(self, result: dict[str, Any]) -> None:
        text = json.dumps(result, allow_nan=False)

        assert result == json.loads(text)
        assert "greyhound" not in text


class TestPage:
    def test_it_says_how_peers_were_run_and_how_far_apart_they_are(
        self, result: dict[str, Any]
    ) -> None:
        page = report.page("two-peers", result)

        gap = result["differences"]["bm25 - all"]["recall@10"]
        assert f"| bm25 - all | {gap['mean']:+.3f} [" in page
        assert "on talk-1 alone" in page
        assert "- **all** (fake 1.0): It is a fake.\n" in page
        assert "It did not finish talk-2 in the time" in page
        assert "- **none**: It is a fake. It did not finish talk-1, talk-2" in page
        assert "upper bounds" in page
        assert "python run.py measure" in page

    def test_tables_are_rectangular(self, result: dict[str, Any]) -> None:
        assert all(
            {len(rows[0])} == {len(row) for row in rows} for _, rows in retrieval.tables(result)
        )


class TestOptions:
    def test_the_command_can_be_repeated_and_names_no_folder(self, run: Any) -> None:
        words = "measure --data /some/where/talks.json --embedder minilm --peers mem0 --hours 0.5 --json /x.json"
        given = run.options().parse_args(words.split())

        assert (
            "python benchmarks/peers/run.py measure --data talks.json --embedder minilm --peers mem0 "
            "--hours 0.5"
        ) == run.command(given)


class TestRecorder:
    def test_the_shared_packages_count_too(self, run: Any, tmp_path: Path) -> None:
        _, model = run.static(None)
        needed = run.recorder("mem0", model=model, hours=1.0).keywords["requirements"]

        assert ["base.txt", "mem0.txt"] == [file.name for file in needed]
        assert all(file.is_file() for file in needed)


class TestStandIn:
    """The static vectors, for peers that load a sentence-transformers model."""

    @pytest.fixture
    def model(self, run: Any) -> Any:
        _, model = run.static(None)
        spec = importlib.util.spec_from_file_location(
            "standing_in", model.folder / "sentence_transformers.py"
        )
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module.SentenceTransformer(str(model.folder), device="cpu")

    def test_peers_embed_as_we_do(self, run: Any, model: Any) -> None:
        embedder, _ = run.static(None)
        texts = ["Iris adopted a greyhound.", "It likes bread."]

        expected = embedder.embed(texts)

        assert (expected == model.encode(texts, normalize_embeddings=True)).all()
        assert (expected[0] == model.encode(texts[0])).all()
        assert expected.shape[1] == model.get_sentence_embedding_dimension()

    def test_it_refuses_what_needs_torch(self, model: Any) -> None:
        with pytest.raises(TypeError, match="no torch"):
            model.encode("Hello", convert_to_tensor=True)


class TestEnvironments:
    def test_a_python_that_loads_no_extensions_is_refused_with_a_way_out(
        self, tmp_path: Path
    ) -> None:
        python = tmp_path / "python"
        python.write_text("#!/bin/sh\nexit 1\n", encoding="utf-8")
        python.chmod(0o700)

        with pytest.raises(SystemExit, match=r"hebb_mind: .* cannot load extensions.* --python"):
            imported("environments").prepare(["hebb_mind", "mem0"], str(python))

    @pytest.mark.parametrize("peer", imported("environments").PEERS)
    def test_every_peer_has_a_note_and_exact_versions(self, peer: str, recordings: Any) -> None:
        needed = (PEERS / "requirements" / f"{peer}.txt").read_text(encoding="utf-8")
        packages = [line for line in needed.splitlines() if not line.startswith("#")]

        assert packages
        assert all("==" in package for package in packages)
        assert recordings.note(PEERS / f"{peer}_peer.py")
