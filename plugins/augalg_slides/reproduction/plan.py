"""How much is trained and measured when all experiments are made: in minutes, or as on the slides."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from augalg_slides.baselines.trained_networks import QUICK as QUICK_BENCH
from augalg_slides.baselines.trained_networks import BaselineConfig
from augalg_slides.pages.fractions import FITTED, UNSEEN
from augalg_slides.sweeps.pairs import FLIPS, SLIDES, Pair
from augalgebra.runs import Mode
from augalgebra.training import Preset, default_epochs


@dataclass(frozen=True)
class Plan:
    """How much of everything.

    Attributes:
        name: What it is called.
        augmentations: What the shared runs are trained on.
        dim: Their latent coordinates; one more has two.
        width: Channels after their first convolution; 0 stands for the preset's.
        epochs: Passes over the data of their stage 1 by preset. Where a preset is missing it is `default_epochs` of the
            equivariant one, for both, so that they see equally many images.
        images: Test images that are measured, at most.
        repeats: How often words are repeated.
        repeated: Test images that they are repeated on.
        fitted: Parameters that a family of rotations is fitted at.
        unseen: Parameters that it is also measured at.
        pairs: Initial and target pairs of the transfer table.
        modes: Which modes of stage 3 it has, by the preset of stage 1.
        sweep_epochs: Passes of each of its trainings by preset, likewise.
        transfer_epochs: Passes of each of its new heads by preset; a third of that where one is missing.
        sweep_width: Channels of its networks; 0 stands for the preset's.
        short_epochs: Passes of each short run that advice is based on.
        short_images: Images that it learns from.
        bench_epochs: Passes of every network of comparisons; if None, a third of `default_epochs` as well.
        networks: What those networks share.
        glyphs: Synthetic images.
        glyph_samples: Images shown in each training on them.
        glyph_width: Channels of the networks that learn from them.
        seeds: Seeds, unless others are asked for.
    """

    name: str
    augmentations: Pair = FLIPS
    dim: int = 16
    width: int = 0
    epochs: Mapping[Preset, int] = field(default_factory=dict)
    images: int = 1000
    repeats: int = 100
    repeated: int = 500
    fitted: tuple[float, ...] = FITTED
    unseen: tuple[float, ...] = UNSEEN
    pairs: tuple[Pair, ...] = SLIDES
    modes: Mapping[Preset, tuple[Mode, ...]] = field(
        default_factory=lambda: {"equivariant": ("relabel", "extend"), "faithful": ("relabel",)}
    )
    sweep_epochs: Mapping[Preset, int] = field(default_factory=dict)
    transfer_epochs: Mapping[Preset, int] = field(default_factory=dict)
    sweep_width: int = 0
    short_epochs: int = 2
    short_images: int = 1500
    bench_epochs: int | None = None
    networks: BaselineConfig = field(default_factory=BaselineConfig)
    glyphs: int = 5000
    glyph_samples: int = 160_000
    glyph_width: int = 16
    seeds: tuple[int, ...] = (0, 1, 2)

    def training(self, preset: Preset, originals: int) -> int:
        """Epochs of a shared run, from the number of images that there are to learn from."""
        return self.epochs.get(preset) or _usual(originals)

    def sweeping(self, preset: Preset, originals: int) -> int:
        """Epochs of stage 1 in the transfer table."""
        return self.sweep_epochs.get(preset) or _usual(originals)

    def transferring(self, preset: Preset, originals: int) -> int:
        """Epochs of a new head in the transfer table."""
        return self.transfer_epochs.get(preset) or _third(originals)

    def comparing(self, originals: int) -> int:
        """Epochs of a network of a comparison, of which there are a dozen."""
        return self.bench_epochs or _third(originals)

    def with_epochs(self, epochs: int) -> "Plan":
        """The same with so many epochs wherever something is trained to the end."""
        every: dict[Preset, int] = {"equivariant": epochs, "faithful": epochs}
        return replace(
            self,
            name=f"{self.name}, {epochs} epochs",
            epochs=every,
            sweep_epochs=every,
            transfer_epochs=every,
            bench_epochs=epochs,
        )

    def to_dict(self) -> dict[str, Any]:
        """All that results depend on, as plain data: neither its name nor the seeds, nor where it is computed."""
        content = asdict(self)
        for name in ("name", "seeds"):
            del content[name]
        content["bench"] = content.pop("networks")  # its name when the first digests were made
        del content["bench"]["device"]
        return content


def _usual(originals: int) -> int:
    return default_epochs("equivariant", originals)


def _third(originals: int) -> int:
    return max(2, _usual(originals) // 3)


QUICK = Plan(
    "quick",
    width=16,
    epochs={"equivariant": 30, "faithful": 40},
    images=360,
    repeats=50,
    repeated=120,
    sweep_epochs={"equivariant": 12, "faithful": 15},
    transfer_epochs={"equivariant": 4, "faithful": 6},
    sweep_width=16,
    short_images=600,
    short_epochs=1,
    bench_epochs=8,
    networks=QUICK_BENCH,
    glyphs=2000,
    glyph_samples=48_000,
    glyph_width=8,
    seeds=(0,),
)
"""Everything on the digits in minutes: enough to see each effect, not its last nat."""

FULL = Plan("full")
"""All of the slides with three seeds: hours on a processor. The published number of epochs is a hundred."""
