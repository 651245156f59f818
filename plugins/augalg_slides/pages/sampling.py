"""Which way of drawing codes at random gives the better images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from augalg_slides.evidence.claims import Claim
from augalg_slides.measures.image_quality import ImageQuality, Quality
from augalgebra.algebra import IDENTITY
from augalgebra.data import Dataset
from augalgebra.documents import figures
from augalgebra.errors import AugalgebraError
from augalgebra.latent import device_of_space
from augalgebra.plain import PlainData
from augalgebra.runs import FLOW, KINDS, CodeDensity, Run, draw_codes, encode_split, train_classifier
from augalgebra.seeds import generator_for

REFERENCES = ("images", "reconstructed")
"""What samples stand beside: training images, and those encoded and decoded, which is as good as samples can get."""
SEEN = 0.5
"""Share of true images, and coverage by reconstructions, below which nothing can be told."""
_SHOWN = 10
_MARGIN = 0.05  # of coverage, below which two ways are as good as each other


@dataclass(frozen=True, eq=False)
class Sampling(PlainData):
    """Ways of drawing codes, compared.

    Attributes:
        run: Folder of the run.
        dim: Latent coordinates.
        number: Images drawn in each way.
        seed: Seed of the draws.
        qualities: How good the images of each kind are; those of `REFERENCES` first.
        claims: What the slides say of it.
        examples: Some images of each kind, ``[image, channel, height, width]``.
    """

    run: str
    dim: int
    number: int
    seed: int
    qualities: Mapping[str, Quality]
    claims: tuple[Claim, ...]
    examples: Mapping[str, Float[Tensor, "image channel height width"]]
    in_json = "run", "dim", "number", "seed", "qualities", "claims"


def measure_sampling(
    run: Run,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    density: CodeDensity | None = None,
    number: int = 1000,
    seed: int = 0,
) -> Sampling:
    """Compare ways of drawing codes by how good the images are that are drawn of them.

    Codes of training images say where codes lie; as many test images as are drawn in each way, or all of them if there
    are fewer, are what images are compared with.

    Args:
        run: The run.
        data: Its data set, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        density: How likely its codes are, if codes of originals are to be drawn from that as well.
        number: Images in each way, at most as many as there are test images.
        seed: Seed of the draws.

    Raises:
        RunError: The data are not those of the run.
        AugalgebraError: There are too few images.
    """
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    device, catalog = device_of_space(run.space), run.registry.catalog
    number = min(number, len(data.test), len(data.train))
    if number < 1:
        raise AugalgebraError("ask for at least one sample")
    classifier = None
    if len(torch.unique(data.train.labels)) > 1:
        classifier = train_classifier(data.train, catalog, (IDENTITY,), seed=run.settings.seed, device=device)
    judge = ImageQuality(data.test.sample(number).batch(slice(None))[0].to(device), classifier)
    order = torch.randperm(len(data.train), generator=generator_for(seed, "training images"))[:number]
    pictures = {"images": data.train.batch(order)[0].to(device)}
    codes = encode_split(run, data.train)
    with torch.no_grad():
        pictures["reconstructed"] = run.space.decode(run.space.encode(pictures["images"]))
        for kind in KINDS:
            pictures[kind] = run.space.decode(draw_codes(kind, codes, number, seed=seed).to(device))
        if density is not None:
            pictures[FLOW] = run.space.decode(density.draw(number, seed=seed).to(device))
    qualities = {kind: judge(images) for kind, images in pictures.items()}
    examples = {kind: images[:_SHOWN].cpu() for kind, images in pictures.items()}
    return Sampling(
        str(run.folder), run.space.dim, number, seed, qualities, _claims(qualities, run.space.dim), examples
    )


def _claims(qualities: Mapping[str, Quality], dim: int) -> tuple[Claim, ...]:
    kinds = [kind for kind in qualities if kind not in REFERENCES]
    coverage = {kind: qualities[kind].coverage for kind in kinds}
    density = {kind: qualities[kind].density for kind in kinds}
    ceiling = qualities["reconstructed"].coverage
    # the ceiling first, since it is what the others are to be read against
    values = {f"coverage {name}": qualities[name].coverage for name in (*reversed(REFERENCES), *kinds)}
    values |= {f"density {name}": qualities[name].density for name in (*reversed(REFERENCES), *kinds)}
    most = f"reconstructions {ceiling:.2f}, training images themselves {qualities['images'].coverage:.2f}"
    telling = ceiling > SEEN  # else all ways of drawing fail alike, which says nothing of them
    if not telling:
        most += "; reconstructions cover too few to tell"
    others = [kind for kind in kinds if kind != "box"]
    best = max(kinds, key=lambda kind: coverage[kind])
    rival = max(others, key=lambda kind: coverage[kind])
    shown = ", ".join(f"{kind} {coverage[kind]:.2f} ({density[kind]:.2f})" for kind in kinds)
    return (
        Claim(
            "10",
            "The latent space can be sampled like that of a standard VAE",
            f"best is {best}: it covers {coverage[best]:.2f} of the test images, {most}",
            coverage[best] >= 0.8 * ceiling if telling else None,
            values,
        ),
        Claim(
            "10",
            "Sampling needs a bounding box around the codes of the originals",
            f"coverage (density) in {dim} dimensions: {shown}; at most {most}; the best other way is {rival}",
            coverage["box"] > coverage[rival] + _MARGIN if telling else None,
            values,
        ),
        Claim(
            "10",
            "A bounding box is enough to find the originals",
            f"the box covers {coverage['box']:.2f} of the test images with a density of {density['box']:.2f}, "
            f"{rival} {coverage[rival]:.2f} with {density[rival]:.2f}; {most}",
            coverage["box"] >= coverage[rival] - _MARGIN and density["box"] >= density[rival] - _MARGIN
            if telling
            else None,
            values,
        ),
    )


def draw_sampling(sampling: Sampling, path: Path) -> Path:
    """Write some images of each kind as PNG, with their numbers.

    Args:
        sampling: What was measured.
        path: The file.
    """
    height, width = next(iter(sampling.examples.values())).shape[2:]
    figure = figures.empty(8, 0.62 * len(sampling.examples) + 0.6)
    axes = figure.subplots()
    shown = min(map(len, sampling.examples.values()))
    figures.tiles(axes, torch.stack([images[:shown] for images in sampling.examples.values()]))
    names = [
        f"{kind}\ncoverage {quality.coverage:.2f}, density {quality.density:.2f}"
        for kind, quality in sampling.qualities.items()
    ]
    figures.label_tiles(axes, (height, width), names, [])
    axes.set_title(f"Images drawn from random codes of {sampling.dim} coordinates", fontsize=9)
    return figures.write(figure, path)
