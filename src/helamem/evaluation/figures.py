"""Tables and plots as values, and drawing plots into files."""

from __future__ import annotations

import importlib
import math
from dataclasses import field
from typing import TYPE_CHECKING, Any, TypeAlias

from helamem.errors import MissingExtraError
from helamem.frozen import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# A heading, and rows of cells, the first row being titles.
Table: TypeAlias = "tuple[str, list[list[str]]]"

# Colours that colour-blind people can tell apart (Okabe and Ito, and grey), and line styles beside them.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#777777")
_STYLES = ("-", "--", ":", "-.")
_PALE = "#A6C8E0"  # bars but the first
_FEW = 8  # places on an axis that each get a tick
_WIDTH = 7.2  # inches
_STYLE = {"font.size": 9, "axes.spines.top": False, "axes.spines.right": False}


@dataclass(frozen=True, slots=True)
class Plot:
    """Lines over one axis.

    Attributes:
        name: The base name of its files.
        x, y: Labels of the axes.
        lines: Points by legend entry; None leaves a gap.
        logarithmic: Whether the x axis is logarithmic.
        log_log: Whether the y axis is logarithmic, too.
    """

    name: str
    title: str
    x: str
    y: str
    lines: Mapping[str, tuple[Sequence[float], Sequence[float | None]]] = field(
        default_factory=dict
    )
    logarithmic: bool = False
    log_log: bool = False


@dataclass(frozen=True, slots=True)
class Bars:
    """Values side by side with their intervals; the first is the reference.

    Attributes:
        x: What the axis shows.
        bars: By name, a value and the ends of its interval, which may be missing.
        signed: Whether they are differences around zero.
    """

    name: str
    title: str
    x: str
    bars: Mapping[str, tuple[float, Sequence[float]]] = field(default_factory=dict)
    signed: bool = False


def draw(plot: Plot | Bars, folder: Path) -> list[Path]:
    """Draw a plot as PNG and SVG, and return their paths; the SVG is reproducible.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    matplotlib = require_matplotlib()
    with matplotlib.rc_context({"svg.hashsalt": plot.name, **_STYLE}):
        height = 4.0 if isinstance(plot, Plot) else 1.1 + 0.26 * len(plot.bars)
        figure = importlib.import_module("matplotlib.figure").Figure(
            figsize=(_WIDTH, height), dpi=150, layout="constrained"
        )
        figure.suptitle(plot.title, x=0.01, ha="left")
        axes = figure.add_subplot()
        axes.set_xlabel(plot.x)
        axes.grid(visible=True, alpha=0.3)
        axes.set_axisbelow(True)
        if isinstance(plot, Plot):
            _draw_lines(axes, plot)
        else:
            _draw_bars(axes, plot)
        paths = [folder / f"{plot.name}.{kind}" for kind in ("png", "svg")]
        for path in paths:
            figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    return paths


def require_matplotlib() -> Any:  # noqa: ANN401  # an optional package
    """Import matplotlib.

    Raises:
        MissingExtraError: It is not installed.
    """
    try:
        return importlib.import_module("matplotlib")
    except ImportError as exc:
        raise MissingExtraError("matplotlib", "bench") from exc


def _draw_lines(axes: Any, plot: Plot) -> None:  # noqa: ANN401  # matplotlib's
    """Lines, named beside the plot so that no line is covered, with ticks where the points are."""
    for i, (name, (xs, ys)) in enumerate(plot.lines.items()):
        style = {"color": _COLOURS[i % len(_COLOURS)], "linestyle": _STYLES[i % len(_STYLES)]}
        axes.plot(
            xs,
            [math.nan if y is None else y for y in ys],
            marker="o",
            markersize=3,
            label=name,
            **style,
        )
    axes.set_ylabel(plot.y)
    if plot.logarithmic:
        axes.set_xscale("log")
    if plot.log_log:
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(_power)
        axes.yaxis.set_minor_formatter(_power)
    places = sorted({round(x, 3) for xs, _ in plot.lines.values() for x in xs})
    if len(places) <= _FEW:
        axes.xaxis.minorticks_off()
        axes.set_xticks(places, labels=[f"{place:,.10g}" for place in places])
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _power(value: float, _: int | None) -> str:
    """The label of a tick of a logarithmic axis: of 1, 2 and 5 times each power of ten."""
    return f"{value:,.10g}" if f"{value:.0e}"[0] in "125" else ""


def _draw_bars(axes: Any, plot: Bars) -> None:  # noqa: ANN401  # matplotlib's
    """Bars from top to bottom, with intervals and numbers."""
    for place, (value, ends) in enumerate(plot.bars.values()):
        axes.barh(place, value, height=0.62, color=_PALE if place or plot.signed else _COLOURS[0])
        if ends:
            axes.plot(ends, [place, place], color="#333333", linewidth=1)
        right = max(0.0, value, *ends)
        number = f"{value:+.3f}" if plot.signed else f"{value:.3f}"
        axes.annotate(
            number, (right, place), xytext=(4, 0), textcoords="offset points", va="center", size=8
        )
    axes.set_yticks(range(len(plot.bars)), labels=list(plot.bars))
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.16, y=0.02)
    if plot.signed:
        axes.axvline(0, color="#333333", linewidth=0.8)
