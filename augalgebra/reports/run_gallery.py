"""A gallery of a trained run: one test image of each class, moved in the latent space and beside it the truth."""

import json
from pathlib import Path

from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.report import CompositionReport
from augalgebra.data.dataset import Dataset
from augalgebra.latent.protocol import device_of_space
from augalgebra.reports.gallery import gallery_panel
from augalgebra.reports.gallery_figure import draw_gallery
from augalgebra.runs.check import augmentations_of_head
from augalgebra.runs.run import Run
from augalgebra.runs.storage.files import CHECK, GALLERY
from augalgebra.storage.files import write_atomically

_ROWS = 5


def write_check(
    run: Run, report: CompositionReport, *, data: Dataset | None = None, data_dir: str | Path | None = None
) -> None:
    """Write what was measured of a run, with the head that drew it, and a gallery of it into the run's folder."""
    data = data or run.settings.load_data(data_dir)
    with run.describing(CHECK, GALLERY):
        write_atomically(run.folder / CHECK, json.dumps(report.to_dict(), indent=2, allow_nan=False) + "\n")
        draw_run_gallery(run, report, data, run.folder / GALLERY)


def draw_run_gallery(run: Run, report: CompositionReport, data: Dataset, path: Path) -> Path:
    """Write a gallery of one test image of each of the first classes, or of the first images, drawn by a head.

    Args:
        run: The run.
        report: What was measured of it.
        data: Its data set.
        path: The file; missing folders are made.

    Returns:
        The path.
    """
    names, relabelling = augmentations_of_head(run, report.head)
    labels = data.test.labels.tolist()
    shown = sorted(set(labels))
    rows = list(map(labels.index, shown) if len(shown) > 1 else range(len(labels)))[:_ROWS]
    classes = f"; rows {', '.join(str(data.label_name(labels[row])) for row in rows)}" if data.classes else ""
    pictures, ids = data.test.batch(slice(None))
    panel = gallery_panel(
        run.space,
        UnreducedOperators(run.registry),
        run.registry.catalog,
        pictures[rows].to(device_of_space(run.space)),
        names,
        title=f"{run.settings.data}: {', '.join(map(run.registry.catalog.shorten, names))}{classes}",
        report=report,
        head=report.head,
        relabelling=relabelling,
        seed=run.settings.seed,
        ids=[ids[row] for row in rows],
    )
    return draw_gallery([panel], path)
