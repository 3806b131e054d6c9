"""LangGraph's filters, with the semantics of its `InMemoryStore`. Pure.

A missing key is None, a list equals a list element by element, and an object fits if everything fits that the
filter says about it. As in LangGraph's SQL stores, and unlike `InMemoryStore`, a value that is not a number never
fits an order, and a key with dots that a value lacks leads into its objects.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ORDERS: dict[str, Callable[[float, float], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
EQUALITIES: dict[str, Callable[[object, object], bool]] = {"$eq": operator.eq, "$ne": operator.ne}


def check(conditions: Mapping[str, Any]) -> None:
    """Refuse invalid filters.

    Raises:
        ValueError: An operator is unknown, or an order compares with something that is not a number.
    """
    for wanted in conditions.values():
        _check(wanted)


def _check(wanted: object) -> None:
    if isinstance(wanted, list | tuple):
        for each in wanted:
            _check(each)
    elif isinstance(wanted, dict) and _has_operators(wanted):
        for name, bound in wanted.items():
            _check_operator(name, bound)
    elif isinstance(wanted, dict):
        check(wanted)


def _check_operator(name: str, bound: object) -> None:
    if name not in ORDERS and name not in EQUALITIES:
        raise ValueError(
            f"{name!r} is not an operator of LangGraph's filters; known are {', '.join([*EQUALITIES, *ORDERS])}."
        )
    if name in ORDERS and _number(bound) is None:
        raise ValueError(f"{name} compares with a number, but {bound!r} is not one.")


def matches(value: Mapping[str, Any], conditions: Mapping[str, Any]) -> bool:
    """Whether an item's value meets a filter.

    >>> matches({"tags": ["a"], "n": 2}, {"tags": ["a"], "n": {"$gt": 1}, "done": None})
    True
    """
    return all(_fits(_look_up(value, key), wanted) for key, wanted in conditions.items())


def _fits(found: object, wanted: object) -> bool:
    if isinstance(wanted, dict):
        if _has_operators(wanted):
            return all(_compares(name, found, bound) for name, bound in wanted.items())
        return isinstance(found, dict) and matches(found, wanted)
    if isinstance(wanted, list | tuple):
        return (
            isinstance(found, list) and len(found) == len(wanted) and all(map(_fits, found, wanted))
        )
    return found == wanted


def _compares(name: str, found: object, bound: object) -> bool:
    if name in EQUALITIES:
        return EQUALITIES[name](found, bound)
    number, limit = _number(found), _number(bound)
    return number is not None and limit is not None and ORDERS[name](number, limit)


def _look_up(value: Mapping[str, Any], key: str) -> object:
    """The value of a key, or at the end of its path with dots; None if there is none."""
    if key in value:
        return value[key]
    found: object = value
    for name in key.split("."):
        if not isinstance(found, dict):
            return None
        found = found.get(name)
    return found


def _has_operators(conditions: dict[str, Any]) -> bool:
    return any(str(key).startswith("$") for key in conditions)


def _number(value: Any) -> float | None:  # noqa: ANN401  # JSON
    """The number that LangGraph reads from a value, or from a text; None if there is none."""
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return None
