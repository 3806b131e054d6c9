"""Numbers formatted for tables and sentences; empty if there is no number. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping


def number(value: float | None, form: str = ".3f") -> str:
    """A formatted number; empty for None.

    >>> number(0.25), number(1234.0, ",.0f"), number(None)
    ('0.250', '1,234', '')
    """
    return "" if value is None else format(value, form)


def categories(systems: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The categories in which any system has scores, without duplicates."""
    return list(dict.fromkeys(name for entry in systems.values() for name in entry["by_category"]))


def of_category(entry: Mapping[str, Any], category: str, metric: str) -> str:
    """A system's score in a category; empty if it has none.

    >>> of_category({"by_category": {"facts": {"f1": 0.5}}}, "facts", "f1")
    '0.500'
    """
    return number(entry["by_category"].get(category, {}).get(metric))


def gap(difference: Mapping[str, Any]) -> str:
    """A paired difference with its interval.

    >>> gap({"mean": 0.0123, "ci95": [-0.004, 0.03]})
    '+0.012 [-0.004, +0.030]'
    """
    if not difference["ci95"]:
        return ""
    low, high = difference["ci95"]
    return f"{difference['mean']:+.3f} [{low:+.3f}, {high:+.3f}]"
