"""What public methods are given, checked where it enters: each error is a sentence that says what to give."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping


def text(name: str, value: object, advice: str) -> str:
    """A text that says something.

    Args:
        name: What the argument is called.
        advice: What to do where it is blank.

    Raises:
        TypeError: It is not a string.
        ValueError: It is blank.
    """
    if not isinstance(value, str):
        raise TypeError(f"{name} must be a string, not {type(value).__name__}")
    if not value.strip():
        raise ValueError(f"{name} is blank; {advice}")
    return value


def count(name: str, value: object, *, least: int) -> int:
    """A whole number.

    Raises:
        TypeError: It is not one.
        ValueError: It is below `least`.
    """
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise TypeError(f"{name} must be a whole number, not {type(value).__name__}")
    number = operator.index(value)
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number


def ids(name: str, given: object) -> list[int]:
    """The ids of memories, each once.

    Args:
        name: What the argument is called.

    Raises:
        TypeError: They are not whole numbers.
    """
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{name} must be ids, as in [1, 2], not {type(given).__name__}")
    return list(dict.fromkeys(id_(each) for each in given))


def id_(given: object) -> int:
    """The id of a memory.

    Raises:
        TypeError: It is not a whole number; the sentence says what to do with several, or with a hit.
    """
    if isinstance(given, list | tuple | set | frozenset):
        raise TypeError(f"an id is one whole number; give several as *{type(given).__name__}")
    if isinstance(given, bool) or not hasattr(given, "__index__"):
        more = "; give its `id`" if hasattr(given, "id") else ""
        raise TypeError(f"an id must be a whole number, not {type(given).__name__}{more}")
    return operator.index(given)


def several(called: str, given: object, *, each: str, instead: str) -> None:
    """Refuse one thing where several are asked for: its letters or keys would be taken for them.

    Args:
        called: The method.
        each: What it takes several of.
        instead: What to do.

    Raises:
        TypeError: It is one text, or one mapping.
    """
    if isinstance(given, str | bytes | Mapping):
        raise TypeError(f"{called} takes {each}, not one {type(given).__name__}; {instead}")
