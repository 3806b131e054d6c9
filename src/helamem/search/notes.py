"""Notes on a result: conditions that no memory meets, and words that were not searched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem import filters
from helamem.filters import COLUMNS, Comparison
from helamem.hints import did_you_mean
from helamem.protocols import MEMORY_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from helamem.filters import Filter
    from helamem.protocols import Postings, Store
    from helamem.records import Episode, Fact

NAMES = ("speaker", "session", "role")  # columns whose values are names, which can be mistyped
LOOKED_AT = 2000  # number of newest memories whose names and keys are compared with a mistyped one


def left_out(postings: Postings, share: float, max_rows: int) -> tuple[str, ...]:
    """A sentence about candidates that were not looked for, if there are any.

    Args:
        share: `RegionRows.left_out`.
    """
    if not share:
        return ()
    n_rows = int(postings.document_frequency.sum(dtype=np.float64))
    most = f"at most {share:.0%} as well as" if share < 1 else "possibly better than"
    return (
        f"the words of the question occur {n_rows:,} times, and the search for them was cut short "
        f"(candidates.max_postings = {max_rows}): a memory that was not found matches them {most} "
        "the best one that was",
    )


def unsure(confidence: float, least: float) -> str:
    """The note for hits below `min_confidence`."""
    return (
        f"no hits are returned, since their confidence is {confidence:.2f}, below min_confidence = "
        f"{least:g}"
    )


def unmet(store: Store, where: Filter) -> tuple[str, ...]:
    """One sentence for each condition of a filter that no memory meets.

    Args:
        where: A filter that fits nothing.
    """
    with store.reading() as seen:
        ids = seen.ids(kinds=MEMORY_KINDS)
        alone = dict.fromkeys(filters.comparisons(where))
        failing = [each for each in alone if not len(seen.ids(kinds=MEMORY_KINDS, where=each))]
        if not len(ids) or not failing:
            return ()
        newest = seen.get([int(id_) for id_ in ids[-LOOKED_AT:]])
        there = [
            len(seen.ids(kinds=MEMORY_KINDS, where=_exists(each.field))) > 0 for each in failing
        ]
        names = {"speaker": seen.speakers()}
    remarks = (
        _notes_on(each, found, newest, names) for each, found in zip(failing, there, strict=True)
    )
    return tuple(dict.fromkeys(note for notes in remarks for note in notes))


def _exists(field: tuple[str, ...]) -> Comparison:
    return Comparison(field, "exists")


def _notes_on(
    failing: Comparison,
    is_there: bool,
    newest: Sequence[Episode | Fact],
    names: dict[str, tuple[str, ...]],
) -> Iterator[str]:
    name = failing.field[0]
    if name == "metadata":
        if not is_there:
            key = ".".join(failing.field[1:])
            keys = (each for memory in newest for each in memory.metadata)
            yield f"no memory has {key!r} in its metadata{did_you_mean(key, [*COLUMNS, *keys])}"
        return
    for value in _wanted_texts(failing) if name in NAMES else ():
        known = names.get(name) or [getattr(memory, name, "") for memory in newest]
        key = _spelled_as_key(name, newest)
        yield f"no memory has the {name} {value!r}{did_you_mean(value, known)}{key}"


def _wanted_texts(failing: Comparison) -> list[str]:
    if failing.op not in ("eq", "in"):
        return []
    values = failing.value if isinstance(failing.value, tuple) else (failing.value,)
    return [each for each in values if isinstance(each, str)][:3]


def _spelled_as_key(name: str, newest: Sequence[Episode | Fact]) -> str:
    if any(name in memory.metadata for memory in newest):
        return f"; the key of the metadata is spelled metadata.{name}"
    return ""
