"""Sheets of pictures: counterfactuals beside the truth, and each concept over its range."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from augalgebra.documents import figures
from augalgebra.runs.causal.causal_run import CausalRun
from augalgebra.runs.causal.counterfactuals import Counterfactuals

STEPS = 7
"""Pictures over the range of a concept."""
_INCH = 0.95  # of one picture
_MOST = 8
_LINE = 0.75  # grey of what stands between pictures


def draw_counterfactuals(found: Counterfactuals, path: Path, *, title: str = "") -> Path:
    """Write pictures, reconstructions and counterfactuals, and true ones where they are known, as one PNG.

    Args:
        found: What was drawn; at most eight are shown.
        path: The file; missing folders are made.
        title: Line above it.

    Returns:
        The path.
    """
    columns = {
        "picture": found.pictures,
        "reconstruction": found.reconstructions,
        "counterfactual": found.drawn_pictures,
    }
    if found.truth is not None:
        columns["truth"] = found.truth
    sheet = torch.stack([pictures[:_MOST] for pictures in columns.values()], 1)
    rows = [f"error {error:.4f}" for error in found.picture_errors[:_MOST]] or [str(n) for n in range(len(sheet))]
    return _write(sheet, rows, list(columns), path, title)


def draw_ranges(run: CausalRun, image: Float[Tensor, "1 channel height width"], path: Path, *, edit: str = "") -> Path:
    """Write a picture with each concept set to values over its range, a row for each concept, as one PNG.

    Args:
        run: The run.
        image: The picture.
        path: The file; missing folders are made.
        edit: Name of a kept edit in whose world that happens.

    Returns:
        The path.
    """
    model, world = run.model, run.edited(edit)
    noise = model.abduct(run.take(image))
    several = type(noise)(noise.noise.expand(STEPS, -1), noise.rest.expand(STEPS, -1))
    rows, names = [], []
    for place, concept in enumerate(model.concepts):
        low, high = float(model.low[place]), float(model.high[place])
        values = torch.linspace(low, high, STEPS)
        rows.append(model.decode(world.predict(several, {concept: values.to(model.mean)})).cpu())
        names.append(f"{concept}\n{low:.3g} to {high:.3g}")
    return _write(torch.stack(rows), names, [""] * STEPS, path, "")


def _write(
    sheet: Float[Tensor, "row column channel height width"], rows: list[str], columns: list[str], path: Path, title: str
) -> Path:
    sheet = functional.pad(sheet, (1, 1, 1, 1), value=_LINE)
    height, width = sheet.shape[-2:]
    figure = figures.empty(1.5 + _INCH * sheet.shape[1] * width / height, 0.5 + _INCH * len(sheet), dpi=figures.FINE)
    axes = figure.add_subplot()
    figures.tiles(axes, sheet)
    figures.label_tiles(axes, (height, width), rows, columns)
    if title:
        axes.set_title(title, fontsize=9)
    return figures.write(figure, path)
