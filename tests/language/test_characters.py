import pytest
from hypothesis import given
from hypothesis import strategies as st

from helamem.language.characters import clean

any_text = st.text(st.characters(exclude_categories=()), max_size=60)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("plain", ("plain", [])),
        ("nul \x00, bell \x07, \u202eright to left\u202c, \U0001f600", None),
        ("a\ud800b", ("a\ufffdb", ["1 lone surrogate was replaced"])),
        ("\udc00\ud83d", ("\ufffd\ufffd", ["2 lone surrogates were replaced"])),
        ("\ud83d\ude00", ("\U0001f600", [])),
    ],
)
def test_only_lone_surrogates_are_replaced(
    given: str, expected: tuple[str, list[str]] | None
) -> None:
    assert (expected or (given, [])) == clean(given)


@given(any_text)
def test_cleaned_text_can_be_written(given: str) -> None:
    cleaned, reasons = clean(given)

    assert cleaned == cleaned.encode().decode()
    assert (cleaned, []) == clean(cleaned)
    assert bool(reasons) == (
        "\ufffd" in cleaned and cleaned.count("\ufffd") > given.count("\ufffd")
    )
