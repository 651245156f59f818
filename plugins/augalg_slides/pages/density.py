"""Densities of codes conditioned on class and view: what they cover, how likely codes are, what their draws show."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augalg_slides.baselines.classifiers import Classifiers
from augalg_slides.evidence.claims import Claim
from augalg_slides.measures.image_quality import Quality
from augalg_slides.pages.sampling import SEEN, measure_sampling
from augalgebra.data import Dataset, Split
from augalgebra.documents import figures
from augalgebra.latent import device_of_space
from augalgebra.plain import PlainData
from augalgebra.runs import FLOW, KINDS, CodeDensity, Run, fit_density
from augalgebra.training import Views, encoded_views

MARGIN = 0.05
"""Of coverage, below which two ways of drawing are as good as each other."""
OBEYED, IGNORED = 0.9, 0.5
"""Times what encoded and decoded images show: from the first on draws show what was asked for, below the second not."""
READABLE = 0.75
"""Times what true images show: below that the latent space draws too badly for classifiers."""
_SHOWN = 10


@dataclass(frozen=True)
class Shown(PlainData):
    """What frozen classifiers see in images.

    Attributes:
        label: Share that shows its class; not a number without classes.
        view: Share that shows its view.
    """

    label: float
    view: float


@dataclass(frozen=True, eq=False)
class DensityFindings(PlainData):
    """What was measured of the density of a run's codes.

    Attributes:
        density: The density, with likelihoods of held-out codes.
        qualities: How good images of codes are that were drawn in each way, as in `augalg_slides.pages.sampling`.
        shown: What classifiers see in ``true images``, those ``encoded and decoded``, and ``draws``.
        told: Share of codes of test images that are likeliest under their own ``class``, and under their own ``view``.
        images: Test images, and draws in each way.
        claims: What the slides hope for.
        examples: Draws, ``[view, class, channel, height, width]``.
    """

    density: CodeDensity
    qualities: Mapping[str, Quality]
    shown: Mapping[str, Shown]
    told: Mapping[str, float]
    images: int
    claims: tuple[Claim, ...]
    examples: Float[Tensor, "view class channel height width"]
    in_json = "density", "qualities", "shown", "told", "images", "claims"


@torch.no_grad()
def measure_density(
    run: Run, *, data: Dataset, images: int = 1000, steps: int = 2000, judging: int | None = None, seed: int = 0
) -> DensityFindings:
    """Fit the density of a run's codes, and measure it; the run is not changed.

    Args:
        run: The run.
        data: Its data set.
        images: Test images, at most, and draws in each way.
        steps: Steps to fit for.
        judging: Steps that classifiers are trained for, if not as many as the size of the data suggests.
        seed: Seed of draws.

    Raises:
        RunError: The data are not those of the run.
        DataError: All images have one class.
    """
    with torch.enable_grad():
        density = fit_density(run, steps=steps, data=data)
        sampling = measure_sampling(run, data=data, density=density, number=images, seed=seed)
        views = Views.of_words(run.registry.catalog, density.views, seed=run.settings.seed)
        judge = Classifiers.train(data.train, views, seed=seed, steps=judging, device=device_of_space(run.space))
    shown, examples = _shown(run, density, judge, views, data, images, seed)
    told = _told(run, density, views, data, images)
    return DensityFindings(
        density,
        sampling.qualities,
        shown,
        told,
        sampling.number,
        judge_density(density.nats, sampling.qualities, shown, told),
        examples,
    )


def _known(density: CodeDensity, split: Split) -> Split:
    """Images of classes that the density knows, and all if it knows none."""
    known = torch.isin(split.labels, torch.tensor(density.classes))
    return split if not density.classes else split.select(known.nonzero().squeeze(1))


def _shown(
    run: Run, density: CodeDensity, judge: Classifiers, views: Views, data: Dataset, images: int, seed: int
) -> tuple[dict[str, Shown], Tensor]:
    device = device_of_space(run.space)
    split = _known(density, data.test.sample(images))
    true, ids = split.batch(slice(None))
    every = views.make(true, ids).to(device)
    classes = density.classes or (None,)
    each = max(1, images // len(classes))
    hits: dict[str, list[tuple[Tensor, Tensor]]] = {"true images": [], "encoded and decoded": [], "draws": []}
    examples = []
    for view, pictures in enumerate(every):
        drawn = [
            run.space.decode(density.draw(each, label=label, view=view, seed=seed + number).to(device))
            for number, label in enumerate(classes)
        ]
        examples.append(torch.stack([part[0] for part in drawn[:_SHOWN]]).cpu())
        asked = torch.tensor([label if label is not None else -1 for label in classes]).repeat_interleave(each)
        for name, shown, labels in (
            ("true images", pictures, split.labels),
            ("encoded and decoded", run.space.decode(run.space.encode(pictures)), split.labels),
            ("draws", torch.cat(drawn), asked),
        ):
            hits[name].append((judge.classes(shown, view) == labels, judge.view_numbers(shown) == view))
    found = {}
    for name, parts in hits.items():
        label, seen = (float(torch.cat(side).float().mean()) for side in zip(*parts, strict=True))
        found[name] = Shown(label if density.classes else math.nan, seen)
    return found, torch.stack(examples)


def _told(run: Run, density: CodeDensity, views: Views, data: Dataset, images: int) -> dict[str, float]:
    """Classes by the likelihood of codes whose view is known, and views of codes whose class is."""
    split = _known(density, data.test.sample(images))
    codes = torch.cat(list(encoded_views(run.space, views, split)), dim=1)
    by_view = []
    for view, part in enumerate(codes):
        under = [density.log_density(part, split.labels, other) for other in range(len(views))]
        by_view.append(torch.stack(under).argmax(0) == view)
    told = {"view": float(torch.stack(by_view).float().mean())}
    if density.classes:
        by_class = []
        for view, part in enumerate(codes):
            under = [density.log_density(part, torch.full((len(part),), label), view) for label in density.classes]
            by_class.append(torch.tensor(density.classes)[torch.stack(under).argmax(0)] == split.labels)
        told["class"] = float(torch.stack(by_class).float().mean())
    return told


def judge_density(
    nats: Mapping[str, float], qualities: Mapping[str, Quality], shown: Mapping[str, Shown], told: Mapping[str, float]
) -> tuple[Claim, Claim]:
    """What the slides hope of flows in the latent space, beside what was measured.

    Args:
        nats: Log density of held-out codes, in nats per coordinate, by model.
        qualities: How good images of codes are, by the way that these were drawn.
        shown: What classifiers see.
        told: Share of classes and views that the density tells.
    """
    coverage = {name: quality.coverage for name, quality in qualities.items()}
    rival = max(KINDS, key=lambda kind: coverage[kind])
    best = max((name for name in nats if name != FLOW), key=lambda name: nats[name])
    covers, likelier = coverage[FLOW] >= coverage[rival] - MARGIN, nats[FLOW] > nats[best]
    draws, floor, true = (shown[name] for name in ("draws", "encoded and decoded", "true images"))
    judged = ["view"] if math.isnan(draws.label) else ["label", "view"]
    readable = all(
        getattr(true, name) > SEEN and getattr(floor, name) >= READABLE * getattr(true, name) for name in judged
    )
    drawn = coverage["reconstructed"] > SEEN
    obeyed = min(getattr(draws, name) / (getattr(floor, name) or 1.0) for name in judged)
    values = {f"coverage {name}": value for name, value in coverage.items()}
    values |= {f"nats {name}": value for name, value in nats.items()}
    asked = {f"{name}, {part}": getattr(seen, part) for name, seen in shown.items() for part in judged}
    return (
        Claim(
            "17",
            "Flows in the latent space sample it as well as anything else does (slide 17's latent flows)",
            f"the flow covers {coverage[FLOW]:.2f} of the test images, {rival} {coverage[rival]:.2f}, reconstructions "
            f"{coverage['reconstructed']:.2f}; held-out codes have {nats[FLOW]:.3f} nats per coordinate, under {best} "
            f"{nats[best]:.3f}",
            None if not drawn or covers != likelier else covers,
            values,
        ),
        Claim(
            "17",
            "A density conditioned on class and view partitions the latent space: its draws show what was asked for",
            f"{', '.join(f'{part} in {getattr(draws, part):.1%}' for part in judged)} of draws, beside "
            f"{', '.join(f'{getattr(floor, part):.1%}' for part in judged)} of encoded and decoded images; the density "
            f"tells {', '.join(f'the {name} of {share:.1%}' for name, share in told.items())} of test codes",
            None if not readable else True if obeyed >= OBEYED else False if obeyed < IGNORED else None,
            asked | {f"told {name}": share for name, share in told.items()},
        ),
    )


def draw_density(found: DensityFindings, views: tuple[str, ...], path: Path) -> Path:
    """Write one draw of each class in each view as PNG.

    Args:
        found: What was measured.
        views: What the views are called.
        path: The file.
    """
    rows, columns = found.examples.shape[:2]
    height, width = found.examples.shape[-2:]
    figure = figures.empty(0.75 * columns + 1.6, 0.75 * rows + 0.7)
    axes = figure.subplots()
    figures.tiles(axes, found.examples)
    figures.label_tiles(axes, (height, width), views, found.density.names[:columns] or [""])
    axes.set_title("Codes drawn from p(z | class, view)", fontsize=9)
    return figures.write(figure, path)
