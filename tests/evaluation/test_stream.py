from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from helamem.errors import DataError
from helamem.evaluation.forms import stream
from helamem.evaluation.forms.stream import Reader

if TYPE_CHECKING:
    from pathlib import Path

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "_CHUNK", 3)


def written(folder: Path, content: bytes) -> Path:
    file = folder / "data.json"
    file.write_bytes(content)
    return file


def elements(file: Path) -> list[Any]:
    return [each.value for each in Reader(file).elements()]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.dictionaries(texts, values, max_size=3), max_size=4),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_elements_are_those_of_the_whole(
    small_chunks: None, tmp_path: Path, whole: list[Any], as_ascii: bool, indent: int | None
) -> None:
    content = json.dumps(whole, ensure_ascii=as_ascii, indent=indent).encode()
    file = written(tmp_path, content)
    reader = Reader(file)
    found = list(reader.elements())
    assert whole == [each.value for each in found]
    assert whole == [stream.read_at(file, each.place) for each in found]
    assert hashlib.sha256(content).hexdigest() == reader.sha256


def test_what_is_no_list_is_one_element(tmp_path: Path) -> None:
    assert elements(written(tmp_path, b' {"a": [1, 2]}\n')) == [{"a": [1, 2]}]


def test_a_mark_of_the_byte_order_is_passed_over(tmp_path: Path) -> None:
    assert elements(written(tmp_path, b'\xef\xbb\xbf[{"a": 1}]')) == [{"a": 1}]
    assert stream.parsed(b'\xef\xbb\xbf{"a": 1}', "here") == {"a": 1}


def test_reading_tells_how_far_it_is(small_chunks: None, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    list(Reader(written(tmp_path, b'[{"a": 1}]'), lambda *step: told.append(step)).elements())
    assert told[0] == (3, 10)
    assert told[-1] == (10, 10)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", r"data\.json is empty"),
        (b"[", "breaks off after 1 bytes; was it downloaded whole"),
        (b'[{"a": 1}, {"b": "tw', "breaks off after 20 bytes"),
        (b'[{"a": tr', "breaks off after 9 bytes"),
        (b'[{"a": "\\u00', "breaks off after 12 bytes"),
        (b'[{"a": 1}', "breaks off after 9 bytes"),
        (b'[{"a": 1},]', "is not JSON: Expecting value, at byte 10"),
        (b'[{"a": 1} {"b": 2}]', "is not JSON: a comma is missing, at byte 10"),
        (b'[{"a" 1}]' + b" " * 50, "is not JSON: Expecting ':' delimiter, at byte 6"),
        (b"[] []", "is not JSON: something follows its end, at byte 3"),
        (b"not JSON", "is not JSON: Expecting value, at byte 0"),
        (b'["\xc3\xa9", nix]' + b" " * 50, "is not JSON: Expecting value, at byte 7"),
        (b'[{"a": NaN}]', "NaN is no number in JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b'[{"a": "caf\xe9"}]', "is not UTF-8 text, at byte 11"),
        ('["ä"]'.encode("utf-16"), "is not UTF-8 text, at byte 0"),
    ],
)
def test_what_is_malformed_is_told_with_its_place(
    tmp_path: Path, content: bytes, told: str
) -> None:
    with pytest.raises(DataError, match=told):
        elements(written(tmp_path, content))


def test_malformed_bytes_are_found_behind_many_good_ones(
    small_chunks: None, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="not UTF-8 text, at byte 13"):
        elements(written(tmp_path, '["ä", "ö"'.encode() + b", \xff]"))


def test_a_malformed_element_is_not_searched_for_an_end(small_chunks: None, tmp_path: Path) -> None:
    told: list[int] = []
    file = written(tmp_path, b'[{"a" 1}' + b" " * 10_000)
    with pytest.raises(DataError):
        list(Reader(file, lambda done, total: told.append(done)).elements())
    assert told[-1] < 100


def test_a_line_is_as_strict_as_a_file(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="line 3 is not UTF-8 text, at byte 1"):
        stream.parsed(b'"\xff"', "line 3")
    with pytest.raises(DataError, match="line 3 is not JSON: NaN is no number in JSON"):
        stream.parsed("NaN", "line 3")
    with pytest.raises(DataError, match="cannot be read: No such file"):
        stream.read_bytes(tmp_path / "none")


def test_a_file_that_changed_meanwhile_is_noticed(tmp_path: Path) -> None:
    file = written(tmp_path, b'[{"a": 1}, {"b": 2}]')
    places = [each.place for each in Reader(file).elements()]
    file.write_bytes(b"[]")
    with pytest.raises(DataError, match="has changed while it was read; begin again"):
        stream.read_at(file, places[1])
    file.unlink()
    with pytest.raises(DataError, match="cannot be read: No such file"):
        stream.read_at(file, places[1])
