"""All experiments of the slides, one after the other, kept in a folder as they are finished."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from augalg_slides.evidence.claims import Claim
from augalg_slides.reproduction.claiming import claim_folder
from augalg_slides.reproduction.context import ExperimentContext, Outcome, TrainedClaim, list_origins
from augalg_slides.reproduction.plan import QUICK, Plan
from augalg_slides.reproduction.registry import EXPERIMENTS, Experiment, choose_experiments
from augalg_slides.sweeps.sweep import Standing
from augalgebra import __version__
from augalgebra.catalog import Catalog
from augalgebra.consistency import MEASURE
from augalgebra.data import Dataset
from augalgebra.documents import Block, Picture, block_from_dict
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.plain import to_plain
from augalgebra.storage import digest_of, keep, load_cached
from augalgebra.tasks import Workers
from augalgebra.training import Report

WHAT = "experiment"
"""What a result says it is."""
MARK = "reproduce.json"
"""The file that tells a folder of these results from others."""
_ROTATION = "rotate(30)"
_SECONDS_BETWEEN_WORDS = 0.2


class Watch(Protocol):
    """Told how far it is; now and then from another thread."""

    def __call__(self, standing: Standing, doing: str, /) -> object:
        """Take notice."""


def unseen(_: Standing, __: str, /) -> None:
    """Take no notice."""


@dataclass(frozen=True)
class ItemResult:
    """What became of one experiment, with one seed or over all.

    Attributes:
        item: Which experiment.
        seeds: Its seed, or all seeds of an experiment that is made once.
        found: What it found; None if it failed.
        seconds: How long that took when it was computed.
        fresh: Whether it was computed now.
        failure: Why it failed; empty if it did not.
        error: What was raised.
        notes: What else is worth telling, one line each.
    """

    item: Experiment
    seeds: tuple[int, ...]
    found: Outcome | None
    seconds: float
    fresh: bool
    failure: str = ""
    error: Exception | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Job:
    """One experiment to be made, with its file."""

    item: Experiment
    seeds: tuple[int, ...]
    path: Path
    settings: str

    @property
    def label(self) -> str:
        return label_of(self.item, self.seeds)


def label_of(item: Experiment, seeds: Sequence[int]) -> str:
    """What the names of an experiment's files end with: its seed, or ``all``."""
    return "all" if item.once else str(seeds[0])


def reproduce(
    folder: str | Path,
    dataset: Dataset,
    catalog: Catalog,
    *,
    plan: Plan = QUICK,
    seeds: Sequence[int] | None = None,
    only: Sequence[str] | None = None,
    device: str = "auto",
    workers: Workers | None = None,
    watch: Watch = unseen,
    items: Mapping[str, Experiment] = EXPERIMENTS,
) -> Iterator[ItemResult]:
    """Make the experiments of the slides; what the folder holds already with the same settings is not made again.

    Whatever is raised in an experiment ends that one only. Runs that several need are trained once for each seed, and
    lie as ordinary runs below ``FOLDER/runs``.

    Args:
        folder: Where results are kept, as ``ITEM-SEED.json`` and PNGs; missing folders are made.
        dataset: The images, with classes.
        catalog: Augmentations and their laws.
        plan: How much of everything.
        seeds: With which seeds; by default those of the plan.
        only: Names of experiments; by default all.
        device: Where to train.
        workers: Who does the trainings of the transfer table.
        watch: Told how far it is.
        items: The experiments there are.

    Yields:
        Each result as soon as it is there, those that were kept among them.

    Raises:
        RunError: The folder holds something else, or results of another plan or of other images.
        UnknownNameError: There is no such experiment.
        KeyboardInterrupt: Somebody stopped it. What is done is kept, and the same call goes on from there.

    Examples:
        >>> for result in reproduce("runs/slides", load_data(), load_catalog()):  # doctest: +SKIP
        ...     print(result.item.title, result.seconds)
    """
    folder = Path(folder)
    jobs = _jobs(folder, dataset, catalog, plan, seeds, choose_experiments(only, items))
    _claim(folder, plan, dataset)
    kept, notes = _kept(jobs)
    clock = _Clock(watch, [job for job in jobs if job.path not in kept], len(jobs))
    context: ExperimentContext | None = None
    for job in jobs:
        found = kept.get(job.path)
        if found is not None:
            yield found
            continue
        if context is None or (context.seeds, context.label) != (job.seeds, job.label):
            context = ExperimentContext(
                folder,
                dataset,
                catalog,
                plan,
                job.seeds,
                job.label,
                device,
                workers or Workers(),
                clock.report,
                clock.tell,
            )
        clock.begin(job)
        result = _made(job, context, tuple(notes.get(job.path, ())))
        clock.end(job)
        yield result


def kept_results(
    folder: str | Path,
    dataset: Dataset,
    catalog: Catalog,
    *,
    plan: Plan = QUICK,
    seeds: Sequence[int] | None = None,
    items: Mapping[str, Experiment] = EXPERIMENTS,
) -> list[ItemResult]:
    """The results of all experiments that a folder holds, as `reproduce` would take them over; nothing is made."""
    jobs = _jobs(Path(folder), dataset, catalog, plan, seeds, tuple(items.values()))
    kept, _ = _kept(jobs)
    return [kept[job.path] for job in jobs if job.path in kept]


def _jobs(
    folder: Path,
    dataset: Dataset,
    catalog: Catalog,
    plan: Plan,
    seeds: Sequence[int] | None,
    items: Sequence[Experiment],
) -> list[_Job]:
    """Seed by seed, so that networks that several experiments share need not be kept for long."""
    words = [*plan.augmentations, *(name for pair in plan.pairs for name in pair), _ROTATION]
    labels = [split.labels.tolist() for split in (dataset.train, dataset.test)]
    known = (
        __version__,
        MEASURE,
        plan.to_dict(),
        dataset.fingerprint,
        digest_of(labels),
        list_origins(catalog, tuple(words)),
    )
    first = tuple(plan.seeds if seeds is None else seeds)
    jobs = []
    for seed in first:
        for item in items:
            if item.once and seed != first[0]:
                continue
            own = first if item.once else (seed,)
            path = folder / f"{item.name}-{label_of(item, own)}.json"
            jobs.append(_Job(item, own, path, digest_of(item.name, list(own), *known)))
    # with more than one seed a laboratory is either of one seed or of all
    return [job for job in jobs if not job.item.once] + [job for job in jobs if job.item.once]


def _claim(folder: Path, plan: Plan, dataset: Dataset) -> None:
    """Mark a folder as one of these results; those of another plan or of other images are not to be replaced."""
    claim_folder(
        folder / MARK,
        "reproduction",
        digest_of(plan.to_dict(), dataset.fingerprint),
        {"plan": plan.name, "data": dataset.name},
        lambda before: f"results of the plan {before.get('plan')!r} on {before.get('data')}",
    )


def _kept(jobs: Sequence[_Job]) -> tuple[dict[Path, ItemResult], dict[Path, list[str]]]:
    """What is there already, and what is to be said of files that cannot be used."""
    kept, notes = dict[Path, ItemResult](), dict[Path, list[str]]()
    for job in jobs:
        try:
            found = _read(job)
        except RunError as error:
            notes[job.path] = [f"{error}; it is computed again"]
        else:
            if found is not None:
                kept[job.path] = found
    return kept, notes


def _read(job: _Job) -> ItemResult | None:
    content = load_cached(job.path, WHAT, job.settings)
    if content is None:
        return None
    try:
        claims = tuple(TrainedClaim(Claim.from_dict(item), str(item["training"])) for item in content["claims"])
        blocks = tuple(block_from_dict(item, job.path.parent) for item in content["blocks"])
        seconds, notes = float(content["seconds"]), tuple(map(str, content["notes"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{job.path} is incomplete: {error}") from error
    return ItemResult(job.item, job.seeds, Outcome(claims, blocks, notes), seconds, fresh=False, notes=notes)


def _made(job: _Job, context: ExperimentContext, notes: tuple[str, ...]) -> ItemResult:
    begun = time.monotonic()
    try:
        found = job.item.make(context)
    except Exception as error:  # noqa: BLE001 (whatever one experiment raises, the others are made)
        reason = str(error) if isinstance(error, AugalgebraError) else f"{type(error).__name__}: {error}"
        seconds = time.monotonic() - begun
        notes = (*notes, *context.notes)
        context.notes.clear()
        return ItemResult(job.item, job.seeds, None, seconds, fresh=True, failure=reason, error=error, notes=notes)
    seconds = time.monotonic() - begun
    notes = (*notes, *context.notes, *found.notes)
    context.notes.clear()
    content: dict[str, Any] = {
        "item": job.item.name,
        "seeds": list(job.seeds),
        "seconds": round(seconds, 1),
        "notes": list(found.notes),
        "claims": [{"training": stated.training, **stated.claim.to_dict()} for stated in found.claims],
        "blocks": to_plain([_movable(block) for block in found.blocks]),
        "pictures": [block.path.name for block in found.blocks if isinstance(block, Picture)],
    }
    keep(job.path, WHAT, job.settings, content)
    return ItemResult(job.item, job.seeds, found, seconds, fresh=True, notes=notes)


def _movable(block: Block) -> Block:
    """A block that tells its picture by name, so that the folder may be moved."""
    return replace(block, path=Path(block.path.name)) if isinstance(block, Picture) else block


class _Clock:
    """Tells what is being done, and how long the rest may take by what each experiment usually takes."""

    def __init__(self, watch: Watch, waiting: Sequence[_Job], total: int) -> None:
        self._watch, self._total, self._done = watch, total, total - len(waiting)
        self._left, self._spent = sum(job.item.share for job in waiting), 0.0
        self._begun = self._told = time.monotonic()
        self._job: _Job | None = None

    def begin(self, job: _Job) -> None:
        """An experiment begins."""
        self._job = job
        self.tell(job.item.name, at_once=True)

    def end(self, job: _Job) -> None:
        """It is over."""
        self._spent += job.item.share
        self._left -= job.item.share
        self._done += 1
        self.tell("", at_once=True)

    def report(self, report: Report) -> None:
        """A step of training."""
        self.tell(f"{report.stage}, {report.fraction:.0%}", at_once=False)

    def tell(self, doing: str, *, at_once: bool = True) -> None:
        """Say what is being done."""
        now = time.monotonic()
        if not at_once and now - self._told < _SECONDS_BETWEEN_WORDS:
            return
        self._told = now
        left = (now - self._begun) * self._left / self._spent if self._spent else None
        name = "" if self._job is None else f"{self._job.item.name}, {_of_seeds(self._job)}: "
        self._watch(Standing(self._done, self._total, left), f"{name}{doing}" if doing else "")


def _of_seeds(job: _Job) -> str:
    return f"seed{'s' if len(job.seeds) > 1 else ''} {', '.join(map(str, job.seeds))}"
