from __future__ import annotations

import importlib.util
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from helamem import Memory
from helamem.config import Config
from helamem.errors import ConfigError, LLMError, RerankerError
from helamem.models import rerankers, wordpiece
from helamem.models.rerankers import loading
from helamem.models.scripted import ScriptedLLM

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from helamem.protocols import Floats, Reranker

needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="the extra [onnx] is not installed"
)


def write_cross_encoder(file: Path, outputs: int = 1) -> None:
    """An ONNX model whose score is the sum of the numbers of the second text's pieces, without its end mark."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Mul", ["input_ids", "token_type_ids"], ["second"]),
        helper.make_node("ReduceSum", ["second", "axis"], ["sum"], keepdims=1),
        helper.make_node("Sub", ["sum", "end"], ["whole"]),
        helper.make_node("Cast", ["whole"], ["score"], to=TensorProto.FLOAT),
        helper.make_node("Concat", ["score"] * outputs, ["logits"], axis=1),
    ]
    shape = ["texts", "pieces"]
    graph = helper.make_graph(
        nodes,
        "cross-encoder",
        [
            helper.make_tensor_value_info(name, TensorProto.INT64, shape)
            for name in ("input_ids", "token_type_ids")
        ],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["texts", outputs])],
        [
            helper.make_tensor("axis", TensorProto.INT64, [1], [1]),
            helper.make_tensor("end", TensorProto.INT64, [1], [wordpiece.END]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(file))


def no_llm() -> Any:
    raise AssertionError("no language model is asked for")


@needs_onnx
class TestCrossEncoder:
    def test_a_folder_is_read_and_each_pair_gets_a_score(self, tmp_path: Path) -> None:
        write_cross_encoder(tmp_path / "ranker" / "onnx" / "model.onnx")
        reranker = rerankers.load(f"cross-encoder:{tmp_path / 'ranker'}", no_llm)
        number = wordpiece.vocabulary()

        scores = reranker.scores("which pet?", ["cat", "cat dog", ""])

        assert [number["cat"], number["cat"] + number["dog"], 0] == scores.tolist()
        assert reranker.name.startswith("cross-encoder/ranker@")
        assert (0,) == reranker.scores("which pet?", []).shape

    def test_long_texts_and_questions_are_read_from_the_beginning(self, tmp_path: Path) -> None:
        write_cross_encoder(tmp_path / "model.onnx")
        reranker = rerankers.load(f"cross-encoder:{tmp_path}", no_llm)
        cat = wordpiece.vocabulary()["cat"]

        long, short = reranker.scores("pet " * 1000, ["cat " * 1000, "cat"])

        assert (512 - 128 - 3) * cat == long
        assert cat == short

    def test_many_texts_are_read_in_several_runs(self, tmp_path: Path) -> None:
        write_cross_encoder(tmp_path / "model.onnx")
        reranker = rerankers.load(f"cross-encoder:{tmp_path}", no_llm)
        texts = ["cat " * (n % 7) for n in range(40)]

        alone = [float(reranker.scores("pet", [text])[0]) for text in texts]

        assert alone == reranker.scores("pet", texts).tolist()

    def test_a_classifier_is_no_reranker(self, tmp_path: Path) -> None:
        write_cross_encoder(tmp_path / "model.onnx", outputs=3)
        reranker = rerankers.load(f"cross-encoder:{tmp_path}", no_llm)

        with pytest.raises(RerankerError, match=r"\(2, 3\) for 2 pairs; .* trained to rank"):
            reranker.scores("pet", ["cat", "dog"])

    def test_a_broken_file_fails_on_first_use(self, tmp_path: Path) -> None:
        (tmp_path / "model.onnx").write_bytes(b"not a model")

        with pytest.raises(RerankerError, match=r"failed on .*model\.onnx"):
            rerankers.load(f"cross-encoder:{tmp_path}", no_llm).scores("pet", ["cat"])


@pytest.mark.parametrize("spec", ["cross-encoder", "cross-encoder:", "cohere", "llm:"])
def test_an_unknown_reranker_names_the_known_ones(spec: str) -> None:
    with pytest.raises(ConfigError, match="there are: cross-encoder:FOLDER-OR-HUB-NAME, llm"):
        rerankers.load(spec, no_llm)


class TestLLMReranker:
    def test_the_model_orders_what_helps_and_the_rest_has_no_score(self) -> None:
        asked: list[str] = []

        def reply(messages: Sequence[Mapping[str, str]]) -> dict[str, Any]:
            asked.append(messages[-1]["content"])
            return {"ids": [3, 1, 3, 9, 0]}

        scores = rerankers.load("llm", lambda: ScriptedLLM(reply)).scores("pet?", ["a", "b", "c"])

        assert [2, 0, 3] == scores.tolist()
        (content,) = asked
        assert {"id": 2, "text": "b"} in [
            json.loads(line) for line in content.splitlines() if line.startswith('{"id"')
        ]

    def test_only_whole_numbers_are_ids(self) -> None:
        llm = ScriptedLLM([{"ids": [True, 2.0, "1", 1.5]}])

        assert [0, 2] == rerankers.LLMReranker(llm).scores("pet?", ["a", "b"]).tolist()

    def test_without_texts_nobody_is_asked(self) -> None:
        assert (0,) == rerankers.LLMReranker(ScriptedLLM([])).scores("pet?", []).shape


class Backwards:
    """Prefers the text that comes last in the alphabet."""

    name = "backwards"

    def __init__(self) -> None:
        self.read: list[str] = []

    def scores(self, question: str, texts: Sequence[str]) -> Any:
        self.read = list(texts)
        return np.array([sorted(texts).index(text) for text in texts], np.float32)


class Given(Backwards):
    """A reranker whose scores are whatever a function makes of their number."""

    def __init__(self, scores: Callable[[int], Any]) -> None:
        self._scores = scores

    def scores(self, question: str, texts: Sequence[str]) -> Any:
        return self._scores(len(texts))


SAID = ["Ana has a cat.", "Ben has a dog.", "Cleo has a parrot.", "The bus is late."]


def filled(reranker: Reranker | None, **settings: Any) -> Memory:
    memory = Memory(":memory:", config=Config.of(**settings), reranker=reranker)
    for text in SAID:
        memory.add(text)
    return memory


class TestSearch:
    def test_the_reranker_orders_the_hits_and_says_its_scores(self) -> None:
        recall = filled(Backwards()).search("Who has a cat?")

        assert sorted((hit.text for hit in recall), reverse=True) == [hit.text for hit in recall]
        assert [hit.reranked for hit in recall] == [*range(len(recall) - 1, -1, -1)]
        assert "reranking" in recall.milliseconds

    def test_it_reads_more_hits_than_are_given_back(self) -> None:
        reranker = Backwards()
        recall = filled(reranker).search("Who has a cat?", k=1)

        assert ["The bus is late."] == [hit.text for hit in recall]
        assert len(SAID) == len(reranker.read)

    def test_the_pool_says_how_many(self) -> None:
        reranker = Backwards()
        filled(reranker, **{"reranking.pool": 2}).search("Who has a cat?", k=1)

        assert 2 == len(reranker.read)

    def test_the_text_is_read_with_the_name_of_whoever_said_it(self) -> None:
        reranker = Backwards()
        memory = filled(reranker)
        memory.add("I have a goldfish.", speaker="Dora")
        memory.search("Who has a goldfish?")

        assert "Dora: I have a goldfish." in reranker.read

    def test_where_nothing_is_found_nothing_is_read(self) -> None:
        memory = Memory(":memory:", reranker=Given(lambda _: None))

        assert not memory.search("Who has a cat?").hits

    def test_what_it_used_is_learned_as_ever(self) -> None:
        memory = filled(Backwards())
        recall = memory.search("Who has a cat?")

        assert memory.reinforce(recall, used=[recall.hits[0].id, recall.hits[1].id]).strengthened

    def test_without_one_hits_have_no_such_score(self) -> None:
        assert {None} == {hit.reranked for hit in filled(None).search("Who has a cat?")}

    @pytest.mark.parametrize(
        "scores",
        [
            lambda n: np.zeros(n - 1),
            lambda n: np.zeros((n, 1)),
            lambda n: np.full(n, np.nan),
            lambda n: [np.inf] * n,
            lambda n: [10**400] * n,
            lambda n: ["1"] * n,
            lambda n: (1.0 for _ in range(n)),
            lambda n: np.ones(n, complex),
            lambda _: None,
            lambda _: {},
        ],
    )
    def test_anything_but_one_number_per_text_is_an_error(self, scores: Any) -> None:
        with pytest.raises(RerankerError, match="one finite score per text"):
            filled(Given(scores)).search("Who has a cat?")

    @pytest.mark.parametrize("kind", [list, tuple, np.array])
    def test_scores_may_be_a_list(self, kind: Callable[[Any], Any]) -> None:
        memory = filled(Given(lambda n: kind([i == n - 1 for i in range(n)])))

        assert [1.0, 0.0] == [hit.reranked for hit in memory.search("Who has a cat?").hits[:2]]

    @pytest.mark.parametrize("wrong", ["llm", object(), Backwards])
    def test_what_cannot_score_is_refused_at_once(self, wrong: Any) -> None:
        with pytest.raises(TypeError, match="reranker must be an object that can `scores`"):
            Memory(":memory:", reranker=wrong)

    def test_the_setting_names_it(self) -> None:
        llm = ScriptedLLM([{"ids": [2]}])
        memory = Memory(":memory:", config=Config.of(**{"reranking.model": "llm"}), llm=llm)
        first = memory.add("Ana has a cat.").ids
        memory.add("Ben has a dog.")

        hits = memory.search("Who has a cat?").hits

        assert first[0] == hits[1].id
        assert [2.0, 0.0] == [hit.reranked for hit in hits]

    def test_a_model_that_fails_fails_the_search(self) -> None:
        def reply(_: object) -> dict[str, Any]:
            raise LLMError("the server is tired", provider="scripted")

        memory = filled(rerankers.LLMReranker(ScriptedLLM(reply)))

        with pytest.raises(LLMError, match="tired"):
            memory.search("Who has a cat?")

    def test_only_a_search_needs_the_model(self) -> None:
        memory = Memory(
            ":memory:", config=Config.of(**{"reranking.model": "cross-encoder:./nowhere"})
        )
        memory.add("Ana has a cat.")

        with pytest.raises(ConfigError, match=r"nowhere is not a folder"):
            memory.search("Who has a cat?")

    def test_a_setting_that_names_none_is_told_at_once(self) -> None:
        with pytest.raises(ConfigError, match="there is no reranker 'cohere'"):
            Memory(":memory:", config=Config.of(**{"reranking.model": "cohere"}))


def test_several_threads_load_one_model(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    others_wait = threading.Event()
    all_search = threading.Barrier(4, timeout=60)

    class Model:
        name = "model"

        def scores(self, question: str, texts: Sequence[str]) -> Floats:
            return np.zeros(len(texts), np.float32)

    def make(folder: str) -> Model:
        made.append(folder)
        others_wait.wait(0.05)  # they come meanwhile
        return Model()

    monkeypatch.setattr(loading, "CrossEncoder", make)
    reranker = loading.load("cross-encoder:./model", lambda: ScriptedLLM([]))

    def search(_: int) -> str:
        all_search.wait()
        reranker.scores("q", ["a"])
        return reranker.name

    with ThreadPoolExecutor(4) as pool:
        assert {"model"} == set(pool.map(search, range(4)))
    assert ["./model"] == made
