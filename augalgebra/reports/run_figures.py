"""Pictures of one run: how its losses fell, and where the eigenvalues of its operators lie."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from augalgebra.documents import figures
from augalgebra.operators.operator import Operator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_IN_A_ROW = 4
_FEW_EPOCHS = 40  # up to which each is a dot as well


def draw_training(metrics: Sequence[Mapping[str, Any]], path: Path) -> Path:
    """Write the losses by epoch as one PNG, a panel for each stage and head.

    Args:
        metrics: The entries of `Run.metrics`.
        path: The file; missing folders are made.

    Returns:
        The path.
    """
    stages: dict[str, list[Mapping[str, Any]]] = {}
    for entry in metrics:
        stages.setdefault(stage_of(entry), []).append(entry)
    columns = min(len(stages), 2)
    rows = math.ceil(len(stages) / columns)
    figure = figures.empty(4.6 * max(columns, 1.4), 3.0 * rows)
    for place, (stage, entries) in enumerate(stages.items(), start=1):
        axes: Axes = figure.add_subplot(rows, columns, place)
        _losses(axes, entries)
        axes.set_title(stage, fontsize=10, loc="left", fontweight="bold")
    return figures.write(figure, path)


def stage_of(entry: Mapping[str, Any]) -> str:
    """The stage of an entry of the metrics, with the head where it trained one."""
    return f"{entry['stage']}: {entry['head']}" if "head" in entry else str(entry["stage"])


def draw_spectra(operators: Mapping[str, Operator], path: Path) -> Path:
    """Write the eigenvalues of operators in the complex plane as one PNG, with the unit circle.

    Args:
        operators: By their names.
        path: The file; missing folders are made.

    Returns:
        The path.
    """
    columns = min(len(operators), _IN_A_ROW)
    rows = math.ceil(len(operators) / columns)
    figure = figures.empty(2.5 * max(columns, 2), 2.7 * rows)
    circle = np.exp(2j * np.pi * np.linspace(0, 1, 200))
    largest = max(float(np.abs(operator.spectrum).max(initial=1)) for operator in operators.values())
    for place, (name, operator) in enumerate(operators.items(), start=1):
        axes: Axes = figure.add_subplot(rows, columns, place)
        axes.plot(circle.real, circle.imag, color="#AAAAAA", linewidth=0.9)
        values, counts = np.unique(np.round(operator.spectrum, 3), return_counts=True)
        axes.scatter(
            values.real,
            values.imag,
            s=26 * np.sqrt(counts),
            color=figures.COLOURS[0],
            alpha=0.75,
            linewidth=0,
            zorder=2,
        )
        for value, count in zip(values, counts, strict=True):
            if count > 1:
                axes.annotate(
                    f"×{count}", (value.real, value.imag), (0, 7), textcoords="offset points", fontsize=8, ha="center"
                )
        axes.axhline(0, color="#DDDDDD", linewidth=0.7, zorder=0)
        axes.axvline(0, color="#DDDDDD", linewidth=0.7, zorder=0)
        bound = 1.25 * largest
        axes.set(xlim=(-bound, bound), ylim=(-bound, bound), aspect="equal")
        axes.set_title(name, fontsize=9)
        axes.tick_params(labelsize=7, length=2, color="#AAAAAA")
        for side in axes.spines.values():
            side.set_color("#CCCCCC")
    return figures.write(figure, path)


def _losses(axes: "Axes", entries: Sequence[Mapping[str, Any]]) -> None:
    from matplotlib.ticker import MaxNLocator

    epochs = [entry["epoch"] for entry in entries]
    terms = list(dict.fromkeys(name for entry in entries for name in entry["terms"]))
    series = {"loss": [entry["loss"] for entry in entries]} if len(terms) > 1 else {}
    series |= {name: [entry["terms"].get(name, math.nan) for entry in entries] for name in terms}
    marker = "o" if len(epochs) <= _FEW_EPOCHS else ""
    for (name, values), colour in zip(series.items(), figures.colours(len(series)), strict=True):
        style = "-" if name == "loss" else "--"
        axes.plot(epochs, values, color=colour, linestyle=style, marker=marker, markersize=3, linewidth=1.6, label=name)
    axes.set_xlabel("epoch", fontsize=8)
    axes.set_ylabel("nats per image", fontsize=8)
    axes.tick_params(labelsize=8, length=2)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    for name, side in axes.spines.items():
        side.set_visible(name in ("left", "bottom"))
        side.set_color("#AAAAAA")
    axes.legend(frameon=False, fontsize=8)
