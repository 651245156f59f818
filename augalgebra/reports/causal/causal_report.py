"""A causal run as a document: its graph, each concept over its range, what counterfactuals are worth, edited worlds."""

from collections.abc import Callable, Iterator
from pathlib import Path

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.data.dataset import Dataset
from augalgebra.documents import Block, Document, Picture, Section, Table, Text
from augalgebra.errors import AugalgebraError
from augalgebra.reports.causal import causal_tables as tables
from augalgebra.reports.causal.graph_figure import draw_causal_graph
from augalgebra.reports.causal.sheets import draw_counterfactuals, draw_ranges
from augalgebra.reports.partial import as_far_as_possible
from augalgebra.reports.run_figures import draw_training
from augalgebra.runs.causal.causal_run import IMAGES, CausalRun
from augalgebra.runs.pictures import write_grid
from augalgebra.runs.storage.files import FIGURES, SETTINGS
from augalgebra.runs.storage.toml import read_toml

_SHOWN = 6  # pictures with counterfactuals
_SAMPLES = 16

_HOW_TO_READ = (
    "Concepts of each test image are set to what they are in another one. The true picture is drawn from the factors, "
    "which the data know. The floor encodes and decodes the true picture, and no counterfactual need be better; "
    "`nothing done` leaves the picture as it is. Where an edge is cut, its cause counts as if it had its mean."
)


def document_of_causal_run(
    run: CausalRun,
    data: Dataset | None,
    *,
    missing: str = "",
    images: int | None = None,
    figures: Path | None = None,
    progress: CaseProgress = unseen,
) -> Document:
    """All there is to say of one causal run.

    What cannot be reported is named with the reason, and the rest is reported.

    Args:
        run: The run.
        data: Its data set; None where that is not there.
        missing: Why it is not there.
        images: How many test images to measure on.
        figures: Where the pictures go; by default the folder ``figures`` of the run.
        progress: Told before each part.
    """
    return _Report(run, data, missing, images or IMAGES, figures or run.folder / FIGURES).document(progress)


class _Report:
    """The sections of one run."""

    def __init__(self, run: CausalRun, data: Dataset | None, missing: str, images: int, figures: Path) -> None:
        self._run, self._data, self._images, self._figures = run, data, images, figures
        self._missing = missing or "the data set is not there"

    def document(self, progress: CaseProgress) -> Document:
        run = self._run
        parts: list[tuple[str, str, Callable[[], Iterator[Block]]]] = [
            ("The graph", "graph", self._graph),
            ("Each concept over its range", "ranges", self._ranges),
            ("What counterfactuals are worth", "worth", self._measured),
            ("Edited worlds", "edits", self._edits),
            ("How it was made", "making", self._making),
        ]
        sections = []
        for done, (title, anchor, blocks) in enumerate(parts):
            progress(done, len(parts), title)
            sections.append(Section(title, anchor, tuple(as_far_as_possible(blocks()))))
        about = (
            f"A causal model of {', '.join(f'`{concept}`' for concept in run.model.concepts)}, trained on "
            f"{run.data['name']} with {run.settings.mechanisms} mechanisms (seed {run.settings.seed}); {run.steps} "
            f"steps, {run.ended}. Made by `augalg report {run.folder}`."
        )
        if self._data is None:
            about += f" Nothing could be measured on images: {self._missing}."
        return Document(f"Run {run.folder.resolve().name}", about, tuple(sections))

    def _graph(self) -> Iterator[Block]:
        run, truth = self._run, self._run.true_graph
        how = "was learned" if run.is_learned else "was given"
        path = draw_causal_graph(run.model.graph, self._figures / "graph.png", weights=run.weights, beside=truth)
        yield Picture(path, f"The graph, which {how}. Red edges are not in the true graph, dashed ones only there.")
        if truth is not None:
            area = run.area_under_curve
            told = "" if area is None else f"; area under the curve of telling its edges by their strength {area:.3f}"
            yield Text(f"Edges that differ from the true graph: {run.hamming_distance}{told}.")
        yield tables.edge_table(run)

    def _ranges(self) -> Iterator[Block]:
        image, _ = self._needed().test.batch(slice(1))
        path = draw_ranges(self._run, image, self._figures / "ranges.png")
        yield Picture(path, "One test image with each concept set to values over its range; what it causes follows.")

    def _measured(self) -> Iterator[Block]:
        data, run = self._needed(), self._run
        report = run.check(images=self._images, data=data)
        yield Text(_HOW_TO_READ)
        if report.counterfactuals:
            yield tables.score_table(report)
            yield tables.reading_table(report)
        for name, reason in report.left_out.items():
            yield Text(f"`{name}` is left out: {reason}.")
        yield tables.composition_table(report)
        if report.axioms:
            yield tables.axiom_table(report)
        yield tables.encoder_table(report)
        split = data.test.sample(_SHOWN)
        pictures, _ = split.batch(slice(None))
        for place, concept in enumerate(run.model.concepts):
            value = float(run.model.mean[place])
            found = run.show_counterfactuals(pictures, {concept: value}, factors=split.factors)
            path = draw_counterfactuals(found, self._figures / f"do-{concept}.png")
            yield Picture(path, f"Test images with `{concept}` set to its mean, {value:.4g}.")

    def _edits(self) -> Iterator[Block]:
        run = self._run
        if not run.edits:
            yield Text(f"None is kept. `augalg causal edit {run.folder} NAME --cut CAUSE>EFFECT` makes one.")
        for number, name in enumerate(run.edits, 1):
            try:
                yield from self._edited(number, name)
            except AugalgebraError as error:  # the others are shown all the same
                yield Text(f"`{name}` cannot be shown: {error}.")

    def _edited(self, number: int, name: str) -> Iterator[Block]:
        run, world = self._run, self._run.edited(name)
        yield Text(f"`{name}`: {'; '.join(f'`{change}`' for change in world.edits) or 'nothing is changed'}.")
        path = self._figures / f"edit-{number}-graph.png"
        draw_causal_graph(world.graph, path, beside=run.model.graph)
        yield Picture(path, f"The graph of `{name}`; what was cut is dashed, what was added red.")
        drawn = world.sample(_SAMPLES, run.settings.seed).cpu()
        drawn = drawn.reshape(2, -1, *drawn.shape[1:])
        path = self._figures / f"edit-{number}.png"
        yield Picture(write_grid(path, drawn, scale=1 if drawn.shape[-1] > 40 else 2), f"New pictures of `{name}`.")

    def _making(self) -> Iterator[Block]:
        run = self._run
        if run.metrics:
            path = draw_training(run.metrics, self._figures / "training.png")
            yield Picture(path, "Loss and its terms by epoch, means over the steps of each.")
        for title, values in (("Settings", run.settings.to_dict()), ("Data", dict(run.data))):
            rows = tuple((name, str(value)) for name, value in values.items() if not isinstance(value, dict))
            yield Table(title, ("what", "value"), rows)
        versions = read_toml(run.folder / SETTINGS).get("versions", {})
        yield Table("Versions", ("what", "version"), tuple((name, str(value)) for name, value in versions.items()))

    def _needed(self) -> Dataset:
        if self._data is None:
            raise AugalgebraError(self._missing)
        return self._data
