"""The forms that data sets come in. Files are given by path, and read strictly."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from helamem.errors import DataError
from helamem.evaluation.forms import jsonl, locomo, longmemeval
from helamem.evaluation.forms.stream import Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helamem.evaluation.datasets import Dataset, Progress

Form: TypeAlias = Literal["auto", "locomo", "longmemeval", "jsonl"]

MEGABYTE = 1_000_000

_LOADERS: Mapping[str, Callable[[Reader], Dataset]] = {
    "locomo": locomo.load,
    "longmemeval": longmemeval.load,
    "jsonl": jsonl.load,
}


def load(path: str | Path, form: Form = "auto", *, progress: Progress | None = None) -> Dataset:
    """A data set out of a file.

    Args:
        form: What the file is; "auto" looks at its beginning.
        progress: Told how many megabytes are read.

    Raises:
        DataError: The file cannot be read, is malformed, or of another form or none.
    """
    file = Path(path)

    def told(done: int, total: int) -> None:
        if progress is not None:
            progress(f"reading {file.name} (MB)", done // MEGABYTE, total // MEGABYTE)

    loaded = _LOADERS[_form_to_read(file, form)](Reader(file, told))
    if not loaded.conversations:
        raise DataError(f"{file} holds no conversation")
    return loaded


def load_all(path: str | Path) -> list[Dataset]:
    """The data sets out of the .json and .jsonl files of a folder, by name; or the one of a file.

    Raises:
        DataError: There is none, or a file cannot be read, is malformed, or of no known form.
    """
    given = Path(path)
    if given.is_file():
        return [load(given)]
    found = sorted(file for file in given.glob("*.json*") if file.suffix in (".json", ".jsonl"))
    if not found:
        raise DataError(f"{given} holds no data set; give a folder with .json or .jsonl files")
    return [load(file) for file in found]


def detect(file: Path) -> Form:
    """Which form a file has.

    Raises:
        DataError: None of them.
    """
    if form := _form_by_beginning(file):
        return form
    raise DataError(
        f"{file} is of no known form; there are LoCoMo's and LongMemEval's JSON, and one conversation "
        f"a line with 'turns' and 'questions'"
    )


def _form_to_read(file: Path, form: Form) -> Form:
    """The form to read a file in: the one that it has, or the one that was asked for."""
    if form == "auto":
        return detect(file)
    if (seen := _form_by_beginning(file)) not in (None, form):
        raise DataError(
            f"{file} is of the form {seen}, and not {form}; `helamem bench retrieval` takes data of any form"
        )
    return form


def _form_by_beginning(file: Path) -> Form | None:
    """The form that a file's beginning is a mark of, if it is of any."""
    first = next(Reader(file).elements(), None)
    value = first.value if first else None
    if not isinstance(value, dict):
        return None
    return next((form for mark, form in _MARKS.items() if mark in value), None)


_MARKS: Mapping[str, Form] = {
    "turns": "jsonl",
    "haystack_sessions": "longmemeval",
    "conversation": "locomo",
}
