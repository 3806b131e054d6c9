"""The part of a report on other memories: differences, and how each was run.

Such a result has `peers` beside its `systems`: for each, its `versions`, a `note` on how it was run, and
the conversations that it did `not_finish`. A peer that did not finish all is not among the `systems`, but
in one of the `parts`, which are results on the conversations that it did finish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from helamem.evaluation import cells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from helamem.evaluation.figures import Table

_TIMES = (
    "Peers get one turn at a time, ours a conversation at once; all run on one thread, of {cores} cores "
    "({processor}). What else ran on the machine makes times longer, so they are upper bounds."
)


def differences(result: Mapping[str, Any]) -> Table:
    """How far the first system is ahead of each other, question by question."""
    gaps: Mapping[str, Mapping[str, Mapping[str, Any]]] = result["differences"]
    metrics = list(dict.fromkeys(metric for gap in gaps.values() for metric in gap))
    rows = [[name, *(cells.gap(gap[metric]) for metric in metrics)] for name, gap in gaps.items()]
    return ("Paired differences, with 95 % intervals", [["systems", *metrics], *rows])


def finished(part: Mapping[str, Any]) -> str:
    """The conversations that a part covers."""
    return f"on {', '.join(part['conversations'])} alone"


def notes(result: Mapping[str, Any]) -> list[str]:
    """One line per peer, and remarks on the times."""
    return [
        *(_note(name, about) for name, about in result["peers"].items()),
        _TIMES.format(**result["hardware"]),
    ]


def _note(name: str, about: Mapping[str, Any]) -> str:
    versions = ", ".join(f"{package} {version}" for package, version in about["versions"].items())
    missing = ", ".join(about["not_finished"])
    return " ".join(
        filter(
            None,
            [
                f"**{name}** ({versions}):" if versions else f"**{name}**:",
                about["note"],
                f"It did not finish {missing} in the time that it was given." if missing else "",
            ],
        )
    )
