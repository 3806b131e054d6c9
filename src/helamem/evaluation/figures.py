"""What a report shows: tables and line plots as values, and plots drawn into files."""

from __future__ import annotations

import importlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from helamem.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# A heading, and rows of cells, the first row being titles.
Table: TypeAlias = "tuple[str, list[list[str]]]"

# Colours that colour-blind people can tell apart (Okabe and Ito), and line styles beside them.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_STYLES = ("-", "--", ":", "-.")


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over one axis.

    Attributes:
        name: What its files are called.
        x, y: What the axes show.
        lines: Points by what the legend says.
        logarithmic: Whether the x axis is.
    """

    name: str
    title: str
    x: str
    y: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float]]] = field(default_factory=dict)
    logarithmic: bool = False


def draw(plot: Plot, folder: Path) -> list[Path]:
    """Draw a plot as PNG and SVG, and give their paths; the same plot gives the same SVG.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    matplotlib = _matplotlib()
    with matplotlib.rc_context({"svg.hashsalt": plot.name, "font.size": 9}):
        figure = importlib.import_module("matplotlib.figure").Figure(figsize=(6.4, 4), dpi=150)
        axes = figure.add_subplot()
        for i, (name, (xs, ys)) in enumerate(plot.lines.items()):
            style = {"color": _COLOURS[i % len(_COLOURS)], "linestyle": _STYLES[i % len(_STYLES)]}
            axes.plot(xs, ys, marker="o", markersize=3, label=name, **style)
        axes.set(title=plot.title, xlabel=plot.x, ylabel=plot.y)
        if plot.logarithmic:
            axes.set_xscale("log")
        axes.grid(visible=True, alpha=0.3)
        axes.legend(frameon=False)
        figure.tight_layout()
        paths = [folder / f"{plot.name}.{kind}" for kind in ("png", "svg")]
        for path in paths:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def _matplotlib() -> Any:  # noqa: ANN401  # an optional package
    try:
        return importlib.import_module("matplotlib")
    except ImportError as exc:
        raise MissingExtraError("matplotlib", "bench") from exc
