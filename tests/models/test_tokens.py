import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import is_proportional
from helamem.models import tokens
from helamem.models.tokens import count_tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("Hello", 2),
        ("Hello world", 3),
        ("Hello\nworld", 4),
        ("Maya is allergic to peanuts.", 10),  # the rarer words count as two
        ("2023", 6),  # a mark for the word's beginning, then digit by digit
        ("\u6771\u4eac", 5),
        ("\u041f\u0440\u0438\u0432\u0435\u0442", 7),
        ("\U0001f355", 4),
    ],
)
def test_worked_examples(text: str, expected: int) -> None:
    assert expected == count_tokens(text)


def test_special_tokens_are_text_like_any_other() -> None:
    assert count_tokens("a </s> b") > count_tokens("a b") + 1


def test_a_lone_surrogate_is_counted_without_an_error() -> None:
    assert 1 < count_tokens("a\ud800b") < 5


def test_it_is_close_to_llamas_tokenizer_on_english() -> None:
    """The estimate stands for a real tokenizer, so texts of about the same length must agree."""
    wordllama = pytest.importorskip("importlib.util").find_spec("wordllama")
    tokenizers = pytest.importorskip("tokenizers")
    if wordllama is None:
        pytest.skip("the extra [wordllama] is not installed")
    (place,) = wordllama.submodule_search_locations
    llama = tokenizers.Tokenizer.from_file(f"{place}/tokenizers/l2_supercat_tokenizer_config.json")
    llama.no_padding()
    llama.no_truncation()
    text = (
        "[3 July 2024] Maya: We drove to the lake with Ben and his sister, and it was wonderful!\n"
        "[4 July 2024] Ben: I baked 24 muffins for the school fair. Which recipe did you use?\n"
        "[9 July 2024] Maya: My doctor says that I should swim twice a week because of my knee.\n"
    )

    real = len(llama.encode(text, add_special_tokens=False).ids)

    assert 0.9 * real <= count_tokens(text) <= 1.1 * real


@given(st.text(st.characters(exclude_categories=()), max_size=40), st.text(max_size=40))
def test_lines_add_up(first: str, second: str) -> None:
    """A line break is never part of a longer token, so lines can be counted one by one."""
    lines = [f"[1] {first}".replace("\n", " "), f"[2] {second}".replace("\n", " ")]
    alone = [count_tokens(f"x\n{line}") - count_tokens("x") for line in lines]

    assert sum(alone) == count_tokens("\n".join(["x", *lines])) - count_tokens("x")


def test_a_long_text_takes_time_in_proportion() -> None:
    assert 125_000 < count_tokens("hello there 42, " * 25_000) < 250_000
    assert is_proportional(count_tokens, "hello there 42, ")


def test_long_texts_are_not_kept() -> None:
    tokens._count_short.cache_clear()

    count_tokens("long " * 1000)

    assert 0 == tokens._count_short.cache_info().currsize


def test_threads_agree() -> None:
    found: list[int] = []
    tokens._count_short.cache_clear()
    threads = [
        threading.Thread(target=lambda: found.append(count_tokens("Maya is allergic to peanuts.")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [10] * 8 == found


def test_importing_loads_no_vocabulary() -> None:
    code = (
        "import sys, helamem.models.tokens, helamem.models.wordpiece as wordpiece\n"
        "sys.exit(wordpiece.vocabulary.cache_info().currsize)"
    )

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
