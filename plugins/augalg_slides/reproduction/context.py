"""What the experiments of one seed share: images, trained runs, benches, and a folder."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Literal

from augalg_slides.baselines.trained_networks import BaselineNetworks
from augalg_slides.evidence.claims import Claim
from augalg_slides.reproduction.plan import Plan
from augalgebra.catalog import Catalog
from augalgebra.data import Dataset
from augalgebra.documents import Block
from augalgebra.operators import origin
from augalgebra.runs import Run, find_or_train
from augalgebra.storage import digest_of
from augalgebra.tasks import Workers
from augalgebra.training import PUBLISHED, Limit, Preset, Progress, TrainSettings, device_of, silent

Kind = Literal["faithful", "equivariant", "flat"]
"""Shared runs: the published recipe in all stages, ours, and the published recipe in two dimensions."""

TRAININGS: tuple[Kind, ...] = ("faithful", "equivariant")
"""Those that stand beside each other wherever training may change the answer."""
TITLES: dict[Kind, str] = {
    "faithful": "published recipe",
    "equivariant": "equivariant",
    "flat": "published recipe, 2 dimensions",
}
RUNS = "runs"


@dataclass(frozen=True)
class TrainedClaim:
    """A claim, measured with one kind of training.

    Attributes:
        claim: The claim.
        training: Which kind; empty where an experiment compares several itself.
    """

    claim: Claim
    training: str = ""


@dataclass(frozen=True)
class Outcome:
    """What an experiment found.

    Attributes:
        claims: What the slides say, beside what was measured.
        blocks: What is shown of it; pictures lie in the folder of the laboratory.
        notes: What else is worth telling, one line each.
    """

    claims: tuple[TrainedClaim, ...]
    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()


@dataclass(eq=False)
class ExperimentContext:
    """What experiments are made with.

    Attributes:
        folder: Where pictures go, and runs below it.
        dataset: The images.
        catalog: Augmentations and their laws.
        plan: How much of everything.
        seeds: All seeds; the first is that of everything which has only one.
        label: What the names of pictures end with.
        device: Where to train.
        workers: Who does the trainings of sweeps.
        progress: Called after each step of training.
        tell: Called with what is being done between trainings.
        notes: What else is worth telling, one line each.
    """

    folder: Path
    dataset: Dataset
    catalog: Catalog
    plan: Plan
    seeds: tuple[int, ...] = (0,)
    label: str = "0"
    device: str = "auto"
    workers: Workers = field(default_factory=Workers)
    progress: Progress = silent
    tell: Callable[[str], object] = lambda _: None
    notes: list[str] = field(default_factory=list)
    _runs: dict[Kind, Run] = field(default_factory=dict, repr=False)

    @property
    def seed(self) -> int:
        """The seed of everything that has only one."""
        return self.seeds[0]

    @cached_property
    def networks(self) -> BaselineNetworks:
        """What comparisons are made with."""
        size = replace(self.plan.networks, augmentations=self.plan.augmentations, device=self.device)
        limit = Limit(self.plan.comparing(len(self.dataset.train)))
        return BaselineNetworks(self.dataset, self.catalog, limit, self.seed, size, self.progress)

    def run(self, kind: Kind) -> Run:
        """A shared run, trained unless it is there.

        Raises:
            KeyboardInterrupt: Somebody stopped the training; it is taken up by the next call.
            AugalgebraError: It cannot be trained.
        """
        if kind not in self._runs:
            settings = self._settings(kind).for_images(self.dataset.train.images)
            folder = self.folder / RUNS / f"{kind}-seed{self.seed}-{self._digest(settings)}"
            find_or_train(folder, settings, self.catalog, self.dataset, progress=self.progress, notes=self.notes)
            # as it lies on disk, so that numbers are the same whether it was just trained or found
            self._runs[kind] = Run.load(folder, self.catalog)
            self._runs[kind].space.to(device_of(self.device)).requires_grad_(requires_grad=False).eval()
        return self._runs[kind]

    def picture(self, name: str) -> Path:
        """Where a picture goes."""
        return self.folder / f"{name}-{self.label}.png"

    def _settings(self, kind: Kind) -> TrainSettings:
        preset: Preset = "equivariant" if kind == "equivariant" else "faithful"
        return TrainSettings(
            data=self.dataset.name,
            augmentations=self.plan.augmentations,
            preset=preset,
            dim=2 if kind == "flat" else self.plan.dim,
            width=self.plan.width,
            epochs=self.plan.training(preset, len(self.dataset.train)),
            fit=PUBLISHED if preset == "faithful" else None,
            seed=self.seed,
            device=self.device,
            size=self.dataset.size,
        )

    def _digest(self, settings: TrainSettings) -> str:
        values = {key: value for key, value in settings.described().items() if key not in ("data", "device")}
        return digest_of(values, self.dataset.fingerprint, list_origins(self.catalog, self.plan.augmentations))[:8]


def list_origins(catalog: Catalog, names: tuple[str, ...]) -> dict[str, list[str]]:
    """Plugin, version and laws of some augmentations, as they are now."""
    symbols = {symbol.name for name in names for symbol in catalog.word(name).symbols}
    return {name: list(origin(catalog, name)) for name in sorted(symbols)}
