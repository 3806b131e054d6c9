"""What a result does not show: parts, arms and facts whose interval holds zero, numbers that could be better. Pure.

Each function reads one kind of entry in a result, whichever experiment wrote it.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from helamem.evaluation import cells

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ABSENT = "not there"  # the value of a setting that a configuration lacks
MARGIN = 0.002  # recall@10 that another value must be ahead by to be named


def not_shown(result: Mapping[str, Any]) -> list[str]:
    """One sentence each for what did not help, or was not shown to."""
    return list(
        chain(
            _not_clearly_behind(result),
            _comparisons_by_corpus(result),
            _without_sure_gain(result),
            _better_values(result),
            _lost_by_forgetting(result),
        )
    )


def _not_clearly_behind(result: Mapping[str, Any]) -> Iterator[str]:
    """Systems that the first one is not clearly ahead of."""
    for pair, metrics in result.get("differences", {}).items():
        first, _, other = pair.partition(" - ")
        for metric in ("recall@10", "f1"):
            gap = metrics.get(metric, {"ci95": []})
            if not gap["ci95"] or gap["ci95"][0] > 0:
                continue
            if gap["ci95"][1] < 0:
                yield f"`{other}` is better than `{first}`, whose {metric} differs by {cells.gap(gap)}."
            else:
                yield f"`{first}` is not shown to be better than `{other}`: {metric} {cells.gap(gap)}."


def _comparisons_by_corpus(result: Mapping[str, Any]) -> Iterator[str]:
    """The same for each of several data sets."""
    for name, corpus in result.get("corpora", {}).items():
        yield from (f"{name}: {said}" for said in _not_clearly_behind(corpus))


def _without_sure_gain(result: Mapping[str, Any]) -> Iterator[str]:
    """Arms that learned, and variants with facts, that won nothing sure."""
    for name, entry in {**result.get("arms", {}), **result.get("variants", {})}.items():
        gain = entry.get("gain", {"ci95": []})
        is_baseline = name == "none" or entry.get("facts") == 0
        if is_baseline or not gain["ci95"] or gain["ci95"][0] > 0:
            continue
        what = "lost" if gain["ci95"][1] < 0 else "won nothing that could not be chance"
        yield f"`{name}` {what}: recall@10 {cells.gap(gain)}."


def _better_values(result: Mapping[str, Any]) -> Iterator[str]:
    """Settings of which another value than the default did better on this data."""
    for name, curve in result.get("settings", {}).items():
        default = result["defaults"].get(name) if "defaults" in result else None
        if default not in curve["value"]:
            continue
        at_default = curve["recall@10"][curve["value"].index(default)]
        best = max(curve["recall@10"])
        if best >= at_default + MARGIN:
            value = curve["value"][curve["recall@10"].index(best)]
            yield f"`{name}` = {value:g} did better than the default {default:g}: {best:.3f}, not {at_default:.3f}."


def _lost_by_forgetting(result: Mapping[str, Any]) -> Iterator[str]:
    """What forgetting lost, at the most distractors."""
    if "growth" not in result:
        return
    keeps, forgets = result["arms"]["keeps all"], result["arms"]["forgets"]
    for need in ("returning", "new"):
        before, after = keeps[need][-1], forgets[need][-1]
        if None not in (before, after) and after < before:
            yield (
                f"Forgetting lost {need} needs: recall@10 is {after:.3f} instead of {before:.3f}, with "
                f"{result['growth'][-1]} times as many distractors."
            )


def differing(config: Mapping[str, Any], base: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that differ from a base, by dotted name; `ABSENT` for those of the base only."""
    mine, theirs = _dotted(config), _dotted(base)
    return {
        name: mine.get(name, ABSENT)
        for name in dict.fromkeys([*mine, *theirs])
        if mine.get(name) != theirs.get(name)
    }


def _dotted(config: Mapping[str, Any]) -> dict[str, Any]:
    """Nested settings by dotted name.

    >>> _dotted({"preset": "paper", "selection": {"facts": 1}})
    {'preset': 'paper', 'selection.facts': 1}
    """
    found: dict[str, Any] = {}
    for name, value in config.items():
        inner = (
            {f"{name}.{k}": v for k, v in _dotted(value).items()}
            if isinstance(value, dict)
            else None
        )
        found |= {name: value} if inner is None else inner
    return found
