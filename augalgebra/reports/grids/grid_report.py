"""Operators on a pretrained autoencoder as a document: what they are worth, how that looks, how they were fitted."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.documents import Block, Document, Picture, Section, Table, Text
from augalgebra.errors import AugalgebraError
from augalgebra.reports.cayley import closure_blocks
from augalgebra.reports.grids import grid_tables as tables
from augalgebra.reports.grids.grid_check import read_grid_check
from augalgebra.reports.grids.grid_figures import draw_drift, draw_errors, show_words, write_slider
from augalgebra.reports.partial import as_far_as_possible
from augalgebra.runs.grids.grid_run import GridRun
from augalgebra.runs.grids.queries import CROPS
from augalgebra.runs.storage.files import FIGURES, SETTINGS
from augalgebra.runs.storage.toml import read_toml

MOST_SHOWN = 8
"""Words that are shown as pictures, worst first."""

_HOW_TO_READ = (
    "Each way moves the same test crops. `operator` moves their codes; `plain` moves the grid alone; `round trip` "
    "decodes, moves pixels and encodes again; `floor` encodes the moved picture, and no operator need be better; "
    "`identity` does nothing. An element holds if it is as good as the round trip and makes nine tenths of the way, in "
    "dB, from the plain move to the floor; it is usable above the plain move, or above doing nothing where the stride "
    "allows no plain move. `worst crop` is the lowest PSNR of the operator on a single crop, `lowest share` the least "
    "of the way that it makes on one."
)


def document_of_grid_run(
    run: GridRun,
    *,
    missing: str = "",
    images: int | None = None,
    figures: Path | None = None,
    progress: CaseProgress = unseen,
) -> Document:
    """All there is to say of operators on a pretrained autoencoder.

    What cannot be reported is named with the reason, and the rest is reported.

    Args:
        run: The run; stale operators are said to be stale.
        missing: Why nothing can be measured; empty if it can.
        images: How many test crops to measure on; None takes what `augalg check` measured last, if that still holds.
        figures: Where the pictures go; by default the folder ``figures`` of the run.
        progress: Told before each part.
    """
    return _Report(run, missing, images, figures or run.folder / FIGURES, progress).document()


class _Report:
    """The sections of one run."""

    def __init__(self, run: GridRun, missing: str, images: int | None, figures: Path, progress: CaseProgress) -> None:
        self._run, self._missing, self._images = run, missing, images
        self._figures, self._progress = figures, progress
        self._catalog = run.registry.catalog
        self._worst: list[Word] = [*run.registry.words]

    def document(self) -> Document:
        run, source = self._run, self._run.record.source
        parts: list[tuple[str, str, Callable[[], Iterator[Block]]]] = [
            ("What the operators are worth", "worth", self._measured),
            ("How that looks", "pictures", self._pictures),
            ("How they were fitted", "fits", self._fits),
            ("The group", "group", self._group),
        ]
        sections = []
        for done, (title, anchor, blocks) in enumerate(parts):
            self._progress(done, len(parts), title)
            sections.append(Section(title, anchor, tuple(as_far_as_possible(blocks()))))
        names = ", ".join(f"`{self._catalog.shorten(name)}`" for name in run.augmentations)
        about = (
            f"Operators of {names} on the codes of `{source.spec}`: {source.channels} channels, one position for "
            f"{source.stride}×{source.stride} pixels. Made by `augalg report {run.folder}`."
        )
        if self._missing:
            about += f" Nothing could be measured on pictures: {self._catalog.shorten(self._missing)}."
        return Document(f"Run {run.folder.resolve().name}", about, tuple(sections))

    def _measured(self) -> Iterator[Block]:
        report = read_grid_check(self._run, self._images)
        if report is None:
            self._require()
            report = self._run.check(images=self._images or CROPS)
        self._worst = [self._catalog.word(score.route) for score in report.worst_first]
        yield Text(f"{report.counted[0].upper()}{report.counted[1:]}. {_HOW_TO_READ}")
        yield tables.verdict_table(report)
        parts = tables.part_table(report)
        if parts is not None:
            yield parts
        yield tables.quality_table(report)
        lost = tables.drift_map(report)
        if lost is not None:
            path = draw_drift(report.drift, self._figures / "drift.png")
            yield Picture(path, "A word and its way back by turns, each result saved and moved on.")
            yield lost
        if report.relations:
            yield tables.defect_table(report)
        cost = tables.cost_table(report)
        if cost is not None:
            yield cost

    def _pictures(self) -> Iterator[Block]:
        self._require()
        for number, shown in enumerate(show_words(self._run, self._worst[:MOST_SHOWN]), start=1):
            yield write_slider(shown, self._figures, f"word-{number}")
            path = draw_errors(shown, self._figures / f"word-{number}-errors.png")
            yield Picture(path, f"`{shown.word}`: what each way draws, and below it how far each pixel is off.")
        if len(self._worst) > MOST_SHOWN:
            yield Text(f"{len(self._worst) - MOST_SHOWN} better elements are in the tables only.")

    def _fits(self) -> Iterator[Block]:
        run = self._run
        yield tables.fit_table(run.registry)
        settings = asdict(run.settings) | {"autoencoder": run.record.source.spec}
        rows = tuple((name, str(value)) for name, value in settings.items() if value is not None)
        yield Table("Settings", ("setting", "value"), rows)
        yield Table(
            "Photographs", ("what", "value"), tuple((key, str(value)) for key, value in run.record.data.items())
        )
        versions = read_toml(run.folder / SETTINGS).get("versions", {})
        yield Table("Versions", ("what", "version"), tuple((name, str(value)) for name, value in versions.items()))

    def _group(self) -> Iterator[Block]:
        yield from closure_blocks(self._catalog, [self._catalog.word(name) for name in self._run.augmentations])

    def _require(self) -> None:
        if self._missing:
            raise AugalgebraError(self._missing)
