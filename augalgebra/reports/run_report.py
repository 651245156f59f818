"""One trained run as a document: how it was made, what it can do, and what its operators are."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

from augalgebra.algebra.words import Word
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.relations import relation_residuals
from augalgebra.data.dataset import Dataset
from augalgebra.documents import Block, Document, Picture, Section, Table, Text
from augalgebra.errors import AugalgebraError
from augalgebra.reports import run_tables as tables
from augalgebra.reports.cayley import closure_blocks
from augalgebra.reports.partial import as_far_as_possible
from augalgebra.reports.run_figures import draw_spectra, draw_training, stage_of
from augalgebra.reports.run_gallery import draw_run_gallery
from augalgebra.runs.check import measure_run
from augalgebra.runs.run import Run
from augalgebra.runs.storage.files import FIGURES, SETTINGS
from augalgebra.runs.storage.records import Ending, Transfer
from augalgebra.runs.storage.toml import read_toml

"""Folder of a run that its pictures go to."""

_MOST_MATRICES, _LARGEST_MATRIX = 12, 64

_ENDINGS: dict[Ending, str] = {
    "limit": "came to its end",
    "interrupted": "was interrupted; `augalg train --resume` goes on",
    "diverged": "diverged: a loss was not finite",
    "unfinished": "was cut off; `augalg train --resume` goes on",
}

_GALLERY = (
    "Test images under each word (true), encoded and decoded (direct), and their codes moved by the operator and "
    "decoded (moved); below them the floor, with the entropy that is in it in brackets, and the gap ratio, with what "
    "that is if nothing is moved."
)

_NO_OPERATORS = "it has no operators; 'augalg train --resume' finishes a run that was cut off"

"""Told before each part: how many are done, how many there are, and which is next."""


def document_of_run(
    run: Run,
    data: Dataset | None,
    *,
    missing: str = "",
    images: int | None = None,
    figures: Path | None = None,
    progress: CaseProgress = unseen,
) -> Document:
    """All there is to say of one trained run.

    What cannot be reported is named with the reason, and the rest is reported: without its data set a run still has
    its settings, losses, operators, relations and group.

    Args:
        run: The run; stale operators are said to be stale.
        data: Its data set; None where that is not there.
        missing: Why it is not there.
        images: How many test images to measure on, if not all.
        figures: Where the pictures go; by default the folder ``figures`` of the run.
        progress: Told before each part.
    """
    return _Report(run, data, missing, images, figures or run.folder / FIGURES).document(progress)


class _Report:
    """The sections of one run."""

    def __init__(self, run: Run, data: Dataset | None, missing: str, images: int | None, figures: Path) -> None:
        self._run, self._data, self._images, self._figures = run, data, images, figures
        self._missing = missing or "the data set is not there"
        self._catalog = run.registry.catalog

    def document(self, progress: CaseProgress) -> Document:
        run = self._run
        parts: list[tuple[str, str, Callable[[], Iterator[Block]]]] = [
            ("Words in the latent space", "words", partial(self._measured, None)),
            ("How it was made", "making", self._making),
            ("Training", "training", self._training),
            ("Operators", "operators", self._operators),
            ("The group and its relations", "group", self._group),
        ]
        for number, added in enumerate(run.transfers.values(), start=1):
            parts.append((f"Head {added.head}", f"head-{number}", partial(self._head, added)))
        sections = []
        for done, (title, anchor, blocks) in enumerate(parts):
            progress(done, len(parts), title)
            sections.append(Section(title, anchor, tuple(as_far_as_possible(blocks()))))
        names = ", ".join(f"`{name}`" for name in self._shown(run.settings.augmentations))
        about = (
            f"A latent space of {run.settings.dim} dimensions, trained on {run.settings.data} under {names} (preset "
            f"{run.settings.preset}, seed {run.settings.seed}). Training {_ENDINGS[run.ended]}, after {run.steps} "
            f"steps. Made by `augalg report {run.folder}`."
        )
        if self._data is None:
            about += f" Nothing could be measured on images: {self._catalog.shorten(self._missing)}."
        return Document(f"Run {run.folder.resolve().name}", about, tuple(sections))

    def _making(self) -> Iterator[Block]:
        run = self._run
        yield Table("Settings", ("setting", "value"), tuple((k, _text(v)) for k, v in run.settings.to_dict().items()))
        yield Table("Data", ("what", "value"), tuple((key, _text(value)) for key, value in run.data.items()))
        versions = read_toml(run.folder / SETTINGS).get("versions", {})
        plugins = {
            f"plugin {entry.provenance.plugin}": entry.provenance.version or "unknown"
            for entry in tables.list_entries(run.registry)
        }
        rows = tuple((name, _text(version)) for name, version in {**versions, **plugins}.items())
        yield Table("Versions it was trained with", ("what", "version"), rows)

    def _training(self) -> Iterator[Block]:
        run = self._run
        yield Text(f"Stage 1 {_ENDINGS[run.ended]}, after {run.steps} steps.")
        if not run.metrics:
            yield Text("No losses were recorded.")
            return
        path = draw_training(run.metrics, self._figures / "training.png")
        yield Picture(path, "Loss and its terms by epoch, means over the steps of each.")
        last = {stage_of(entry): entry for entry in run.metrics}
        rows = tuple(
            (stage, entry["epoch"], entry["steps"], term, value)
            for stage, entry in last.items()
            for term, value in {"loss": entry["loss"], **entry["terms"]}.items()
        )
        yield Table("The last epoch of each stage", ("stage", "epoch", "steps", "term", "nats per image"), rows)

    def _measured(self, head: str | None) -> Iterator[Block]:
        """What a head draws: the gallery, then the numbers."""
        data = self._needed()
        report = measure_run(self._run, data=data, head=head, images=self._images)
        yield Text(tables.worst_words(report, self._catalog))
        stale = self._run.registry.stale()
        if stale:
            yield Text(f"Some operators are stale, see there: {', '.join(f'`{name}`' for name in self._shown(stale))}.")
        name = "gallery.png" if head is None else f"gallery-{list(self._run.transfers).index(head) + 1}.png"
        yield Picture(draw_run_gallery(self._run, report, data, self._figures / name), _GALLERY)
        yield tables.gap_map(report)
        by_class = tables.class_map(report)
        if by_class is not None:
            yield by_class
        yield tables.word_table(report)
        yield tables.floor_table(report)
        orders = tables.order_table(report)
        if orders is not None:
            yield orders
        for entry in report.no_inverse:
            yield Text(f"From `{entry.view}` there is no way back: {self._catalog.shorten(entry.reason)}.")
        if head is not None:
            yield tables.relation_table(report.relations)

    def _needed(self) -> Dataset:
        """The images, if there is anything to be measured on them."""
        if self._data is None:
            raise AugalgebraError(self._missing)
        if not len(self._run.registry):
            raise AugalgebraError(_NO_OPERATORS)
        return self._data

    def _operators(self) -> Iterator[Block]:
        registry = self._run.registry
        if not len(registry):
            raise AugalgebraError(_NO_OPERATORS)
        yield tables.operator_table(registry)
        operators = tables.own_operators(registry)
        if not operators:
            return
        few = dict(list(operators.items())[:_MOST_MATRICES])
        path = draw_spectra(few, self._figures / "spectra.png")
        yield Picture(path, "Eigenvalues of the operators in the complex plane, with the unit circle.")
        if registry.dim > _LARGEST_MATRIX:
            yield Text(f"Matrices of {registry.dim} dimensions are too large to be shown.")
            return
        text = "The matrices, acting on row vectors from the right; a readout, where there is one, is left out."
        if any(entry.chart is not None for entry in registry.entries.values()):
            text += " Matrices and eigenvalues of a flow are those in its coordinates."
        yield Text(text)
        yield from (tables.matrix_map(name, operator) for name, operator in few.items())
        if len(few) < len(operators):
            yield Text(f"{len(operators) - len(few)} more operators are in the table only.")

    def _group(self) -> Iterator[Block]:
        letters = self._letters()
        yield from closure_blocks(self._catalog, letters)
        relations = relation_residuals(
            UnreducedOperators(self._run.registry), self._catalog, letters, self._run.space.dim
        )
        yield Text(
            "What the laws say of the augmentations, and how far the operators are from it; this needs no images."
        )
        yield tables.relation_table(relations)

    def _head(self, added: Transfer) -> Iterator[Block]:
        meanings = "; ".join(
            f"`{self._catalog.shorten(new)}` by the operator of `{self._catalog.shorten(trained)}`"
            for new, trained in added.meanings.items()
        )
        yield Text(
            f"Stage 3 in mode {added.mode}: {meanings}. It {_ENDINGS[added.ended].partition(';')[0]}, after "
            f"{added.steps} steps."
        )
        yield from self._measured(added.head)

    def _letters(self) -> list[Word]:
        return [self._catalog.word(name) for name in self._run.settings.augmentations]

    def _shown(self, names: Iterable[str]) -> list[str]:
        return [self._catalog.shorten(name) for name in names]


def _text(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
