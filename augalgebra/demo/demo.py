"""The whole story on embedded data: laws, three stages, composition, transfer, pictures and tables."""

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from augalgebra.catalog import Catalog, load_catalog
from augalgebra.checks.laws import check_laws
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.cases import Relabelling, short_words, words_up_to
from augalgebra.consistency.composition import measure_composition
from augalgebra.consistency.report import CompositionReport
from augalgebra.data.dataset import Dataset
from augalgebra.data.loading import load_data
from augalgebra.demo.report import Findings, Survey, TransferResult
from augalgebra.errors import RunError
from augalgebra.operators import FitOptions, OperatorRegistry
from augalgebra.plain import PlainData
from augalgebra.reports.gallery import Panel, gallery_panel
from augalgebra.reports.gallery_figure import draw_gallery, draw_gap_chart
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.runs.storage.files import GALLERY, MEMBERS, SETTINGS
from augalgebra.runs.storage.records import Mode, Transfer
from augalgebra.storage.cache import recall
from augalgebra.storage.files import write_atomically
from augalgebra.training.progress import Progress, Report, silent
from augalgebra.training.settings import TrainSettings
from augalgebra.training.stage2 import PUBLISHED, fit_operators
from augalgebra.training.views import Views

TRAINED = ("flip_lr", "flip_ud")
NEW = ("shear_x", "canny")
MODES: tuple[Mode, ...] = ("relabel", "extend")
WIDTH, BATCH_SIZE, LEARNING_RATE = 16, 16, 1e-2
"""A smaller network and more steps than usual: on so few images it loses a quarter more than after thrice the time."""
POOR = 5
"""Times what the trained head loses of originals: views that lose more are said to be drawn poorly."""
LONGEST = 4
"""Letters of the longest words that are measured; of those beyond two only the worst is told."""

REPORT, TABLES, GAPS = "report.json", "table.md", "gaps.png"
_WRITTEN = (REPORT, TABLES, GALLERY, GAPS, SETTINGS, *MEMBERS)
_MARK = "finished"
"""The key that tells a report from other files of its name."""
SHOWN_LABELS = (2, 3, 4, 5, 7)
"""Digits that no flip leaves as they are, so that no picture looks right by accident."""


_TRANSFERS: Mapping[Mode, str] = {
    "relabel": f"Stage 3, relabel: encoder and operators stay as they are; a new head draws {NEW[0]} and {NEW[1]} "
    "where the trained augmentations moved codes. What their operators cannot do shows here.",
    "extend": f"Stage 3, extend: {NEW[0]} and {NEW[1]} get operators of their own on the same encoder, and a head.",
}


@dataclass(frozen=True)
class Budget:
    """How much is trained.

    Attributes:
        epochs: Passes over the data in stage 1.
        transfer_epochs: Passes over the data in stage 3, for each head.
        images: How many images are learned from and measured on, if not all.
    """

    epochs: int
    transfer_epochs: int
    images: int | None = None


FULL = Budget(epochs=12, transfer_epochs=6)
"""Some forty seconds in all on one processor core."""
QUICK = Budget(epochs=1, transfer_epochs=1, images=120)
"""Enough to see that everything works, and nothing else."""


@dataclass(frozen=True)
class DemoResult(PlainData):
    """What the demonstration left behind.

    Attributes:
        run: The trained run, in the folder of the files.
        findings: What was found.
        files: The pictures and tables, by name.
        seconds: How long each part took.
    """

    run: Run
    findings: Findings
    files: Mapping[str, Path]
    seconds: Mapping[str, float]
    in_json = "run.folder as folder", "run.ended as ended", "files", "seconds"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: the findings, where the files are, and how long it took."""
        return self.findings.to_dict() | super().to_dict()


def run_demo(
    out: str | Path,
    *,
    seed: int = 0,
    catalog: Catalog | None = None,
    progress: Progress = silent,
    budget: Budget = FULL,
    announce: Callable[[str], None] = lambda _: None,
) -> DemoResult:
    """Run the whole story and leave a trained run, pictures and tables in a folder.

    An interrupt (`KeyboardInterrupt`) while a stage trains ends that stage; the story goes on with what was learned.

    Args:
        out: The folder. A demonstration that lies there already is replaced.
        seed: Seed of everything that is random.
        catalog: The augmentations; by default all that are installed.
        progress: Told after each step of training.
        budget: How much is trained.
        announce: Told before each part what is done, and why.

    Returns:
        What was found. Files of two demonstrations with one seed on one machine are equal.

    Raises:
        RunError: The folder holds files of the names that are written, and no demonstration left them there.

    Examples:
        >>> run_demo("runs/demo").findings.exact.worst  # doctest: +SKIP
    """
    folder, catalog = Path(out), load_catalog() if catalog is None else catalog
    _claim(folder)
    clock = _Clock()
    with clock.time("data"):
        data = load_data("digits").part(budget.images)
    announce(f"Laws: what plugins declare of {_listed((*TRAINED, *NEW))} is checked on images before it is believed.")
    with clock.time("laws"):
        laws = check_laws(catalog, [*TRAINED, *NEW], seed=seed)
    announce(
        f"Stages 1 and 2: an autoencoder learns digits under {_listed(TRAINED)}, and to draw a code that one operator "
        "moved. It never sees a product moved: whether products work is the question."
    )
    with clock.time("stages 1 and 2"):
        settings = TrainSettings(
            augmentations=TRAINED,
            epochs=budget.epochs,
            width=WIDTH,
            batch_size=BATCH_SIZE,
            learning_rate=LEARNING_RATE,
            seed=seed,
        )
        run = train(folder, settings, catalog, data=data, progress=progress, overwrite=True)
    story = _Story(run, catalog, data)
    announce(
        f"Composition: all words up to {LONGEST} letters move codes of unseen digits. Drawings are held against the "
        "floor: the same view, encoded and drawn. Operators by the published recipe stand beside."
    )
    with clock.time("composition"):
        exact = story.survey("exact representation", run.registry)
        published = story.survey("published recipe", story.published_operators())
    transfers: dict[Mode, TransferResult] = {}
    for mode in MODES:
        announce(_TRANSFERS[mode])
        part = f"stage 3, {mode}"
        with clock.time(part):
            added = transfer(
                run,
                NEW,
                mode=mode,
                head=f"{'-'.join(NEW)}-{mode}",
                epochs=budget.transfer_epochs,
                data=data,
                progress=_named(progress, part),
            )
            transfers[mode] = TransferResult(added, NEW, story.measure_transfer(added))
    findings = Findings(TRAINED, laws, exact, published, transfers)
    announce("Pictures and tables: digits before and after, moved and true.")
    with clock.time("pictures"), run.describing(GALLERY):
        files = story.draw(findings)
    for name, text in (
        (TABLES, findings.to_markdown()),
        (REPORT, json.dumps({_MARK: True, **findings.to_dict()}, indent=2, allow_nan=False) + "\n"),
    ):
        files[name] = folder / name
        write_atomically(files[name], text)
    return DemoResult(run, findings, files, clock.seconds)


class _Story:
    """What is done with a trained run."""

    def __init__(self, run: Run, catalog: Catalog, data: Dataset) -> None:
        self._run, self._catalog, self._data = run, catalog, data
        self._seed = run.settings.seed
        self._images, self._ids = data.test.batch(slice(None))

    def published_operators(self) -> OperatorRegistry:
        """Operators by the published recipe of stage 2, on the encoder of the run."""
        registry = OperatorRegistry.of(self._run.space, self._catalog)
        views = Views.published(self._catalog, TRAINED, seed=self._seed)
        options = FitOptions(seed=self._seed)
        fit_operators(registry, self._run.space, views, self._data.train, fit=PUBLISHED, options=options)
        return registry

    def survey(self, fit: str, registry: OperatorRegistry) -> Survey:
        """Short and longer words of the trained augmentations, from every view."""
        return Survey(fit, self._measure(registry, TRAINED), self._measure(registry, TRAINED, longer=True))

    def measure_transfer(self, added: Transfer) -> CompositionReport:
        """Short words of the new augmentations, drawn by their head."""
        return self._measure(self._run.registry, NEW, added=added)

    def _measure(
        self, registry: OperatorRegistry, names: Sequence[str], *, longer: bool = False, added: Transfer | None = None
    ) -> CompositionReport:
        letters = [self._catalog.word(name) for name in names]
        return measure_composition(
            self._run.space,
            UnreducedOperators(registry),
            self._catalog,
            self._images,
            letters,
            words=words_up_to(letters, LONGEST) if longer else short_words(letters),
            labels=self._data.test.labels,
            ids=self._ids,
            seed=self._seed,
            **self._drawn_by(added),
        )

    def draw(self, findings: Findings) -> dict[str, Path]:
        """The pictures."""
        old, new = _listed(TRAINED), _listed(NEW)
        panels = [self._panel(TRAINED, f"Trained on {old}", findings.exact.short)]
        titles: dict[Mode, str] = {
            "relabel": f"The same encoder and operators, relabelled: a new head draws {new}",
            "extend": f"The same encoder, extended: {new} with operators of their own",
        }
        for mode, result in findings.transfers.items():
            poor = _poorly_drawn(findings.exact.short, result.report)
            panels.append(self._panel(NEW, titles[mode], result.report, result.transfer, remark=poor))
        chart = {survey.fit: survey.short for survey in (findings.exact, findings.published)}
        title = f"What survives of {old} in the latent space"
        return {
            GALLERY: draw_gallery(panels, self._run.folder / GALLERY),
            GAPS: draw_gap_chart(chart, self._run.folder / GAPS, title=title),
        }

    def _panel(
        self,
        names: Sequence[str],
        title: str,
        report: CompositionReport,
        added: Transfer | None = None,
        remark: str = "",
    ) -> Panel:
        labels = self._data.test.labels.tolist()
        rows = [labels.index(label) for label in SHOWN_LABELS if label in labels]
        return gallery_panel(
            self._run.space,
            UnreducedOperators(self._run.registry),
            self._catalog,
            self._images[rows],
            names,
            title=title,
            report=report,
            seed=self._seed,
            ids=[self._ids[row] for row in rows],
            remark=remark,
            **self._drawn_by(added),
        )

    def _drawn_by(self, added: Transfer | None) -> dict[str, Any]:
        """The head of stage 3 and what its words mean in the latent space."""
        if added is None:
            return {}
        return {"head": added.head, "relabelling": Relabelling(self._catalog, added.meanings)}


def _listed(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _poorly_drawn(trained: CompositionReport, new: CompositionReport) -> str:
    """Which views a new head draws poorly, even directly, in a sentence; empty if there are none."""
    usual = min(score.floor_excess for score in trained.words if score.word == score.view == "id")
    poor = {score.word: score.floor_excess for score in new.words if score.floor_excess > POOR * usual}
    if not poor:
        return ""
    listed = ", ".join(f"{word} {excess:.0f}" for word, excess in poor.items())
    return (
        f"Poor pictures, even without moving codes: nats lost beyond the entropy are {listed}; the trained head loses "
        f"{usual:.0f} of an original."
    )


def _named(progress: Progress, stage: str) -> Progress:
    """The same progress under another name, since stage 3 comes twice."""

    def told(report: Report) -> None:
        progress(replace(report, stage=stage))

    return told


class _Clock:
    """Seconds by part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def time(self, part: str) -> Iterator[None]:
        start = time.monotonic()
        yield
        self.seconds[part] = round(time.monotonic() - start, 2)


def _claim(folder: Path) -> None:
    """Mark a folder as a demonstration's, or refuse one that holds other files of the names that are written."""
    report = recall(folder / REPORT)
    is_own = isinstance(report, dict) and _MARK in report
    others = [] if is_own else [name for name in _WRITTEN if os.path.lexists(folder / name)]
    if others:
        raise RunError(f"{folder} holds {', '.join(others)}, which no demonstration left there; name another folder")
    write_atomically(folder / REPORT, json.dumps({_MARK: False}) + "\n")
