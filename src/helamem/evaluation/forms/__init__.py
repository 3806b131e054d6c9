"""The forms that data sets come in. Files are given by path, and read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from helamem.errors import DataError
from helamem.evaluation import datasets
from helamem.evaluation.forms import jsonl, locomo, longmemeval

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from helamem.evaluation.datasets import Dataset

Form: TypeAlias = Literal["auto", "locomo", "longmemeval", "jsonl"]

_LOADERS: Mapping[str, Callable[[Path, bytes], Dataset]] = {
    "locomo": locomo.load,
    "longmemeval": longmemeval.load,
    "jsonl": jsonl.load,
}


def load(path: str | Path, form: Form = "auto") -> Dataset:
    """A data set out of a file.

    Args:
        form: What the file is; "auto" looks at its beginning.

    Raises:
        DataError: The file cannot be read, is malformed, or of no known form.
    """
    file = Path(path)
    content = datasets.read_bytes(file)
    loaded = _LOADERS[detect(content, file) if form == "auto" else form](file, content)
    if not loaded.conversations:
        raise DataError(f"{file} holds no conversation")
    return loaded


def detect(content: bytes, file: Path) -> Form:
    """Which form a file has.

    Raises:
        DataError: None of them.
    """
    try:
        first = json.loads(content.lstrip().partition(b"\n")[0])
    except ValueError:
        first = None
    if isinstance(first, dict) and "turns" in first:
        return "jsonl"
    value = datasets.parsed(content, file)
    item = value[0] if isinstance(value, list) and value else value
    if isinstance(item, dict) and "haystack_sessions" in item:
        return "longmemeval"
    if isinstance(item, dict) and "conversation" in item:
        return "locomo"
    raise DataError(
        f"{file} is of no known form; there are LoCoMo's and LongMemEval's JSON, and one conversation "
        f"a line with 'turns' and 'questions'"
    )
