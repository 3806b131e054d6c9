import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from growth import is_proportional
from helamem.errors import ConfigError
from helamem.models import tokens
from helamem.models.tokens import bundled_file, count_tokens


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("Hello", 1),
        ("Hello world", 2),
        ("Hello\nworld", 3),
        ("2023", 5),  # a mark for the word's beginning, then digit by digit
        ("\x00", 2),
    ],
)
def test_worked_examples(text: str, expected: int) -> None:
    assert expected == count_tokens(text)


def test_special_tokens_are_text_like_any_other() -> None:
    assert count_tokens("a </s> b") > count_tokens("a b") + 1


def test_a_lone_surrogate_counts_as_some_character() -> None:
    assert count_tokens("a?b") == count_tokens("a\ud800b")


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
    tokens._loaded.cache_clear()
    tokens._count_short.cache_clear()
    threads = [
        threading.Thread(target=lambda: found.append(count_tokens("Maya is allergic to peanuts.")))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [11] * 8 == found


def test_importing_loads_no_tokenizer() -> None:
    code = "import sys, helamem.models.tokens; sys.exit('tokenizers' in sys.modules)"

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_a_missing_file_says_how_to_get_it() -> None:
    with pytest.raises(ConfigError, match="pip install"):
        bundled_file("weights", "other.safetensors")
