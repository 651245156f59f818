"""The experiment of `augalg_slides.reproduction.reproduce` on named parts of a latent space."""

from dataclasses import replace

from augalg_slides.pages.partition import (
    MEASURES,
    PartitionFindings,
    draw_parts,
    measure_parts,
    measure_priors,
    prior_claim,
)
from augalg_slides.reproduction.context import RUNS, TITLES, ExperimentContext, Outcome, TrainedClaim
from augalgebra.consistency import Alignment
from augalgebra.data import FLIPS, Dataset, glyph_data
from augalgebra.documents import Block, Picture, Table, Text
from augalgebra.runs import Run, find_or_train
from augalgebra.storage import digest_of
from augalgebra.training import TrainSettings, device_of

_VIEWS = 4


def partition(context: ExperimentContext) -> Outcome:
    """What parts know of views and of factors, and parts of images swapped (slides 17 and 22)."""
    run, title = context.run("equivariant"), TITLES["equivariant"]
    context.tell(f"parts, {title}")
    found = measure_parts(run, data=context.dataset, images=context.plan.images, seed=context.seed)
    claims = [TrainedClaim(claim, title) for claim in found.claims]
    picture = draw_parts(run, found, context.dataset, context.picture("partition"))
    context.tell("parts of glyphs")
    plan = context.plan
    data = glyph_data(plan.glyphs, seed=context.seed)
    run = _glyph_run(context, data)
    priors = measure_priors(run, data=data, glyphs=plan.glyphs, images=plan.images, seed=context.seed)
    claims.append(TrainedClaim(prior_claim(priors), f"{title}, glyphs"))
    blocks: tuple[Block, ...] = (
        *_part_tables(found, title),
        Picture(picture, "Views told by each part of codes; two images with their parts swapped."),
        _prior_table(priors),
        Text(
            "Blocks of the laws know of mirror images alone; the other factors of glyphs were never an augmentation. "
            "Each measure is 1 where every factor has a block of its own, and about 0 for codes that know nothing."
        ),
    )
    return Outcome(tuple(claims), blocks)


def _glyph_run(context: ExperimentContext, data: Dataset) -> Run:
    """A run on upright glyphs and their mirror images, trained unless it is there."""
    plan = context.plan
    settings = TrainSettings(
        data="glyphs",
        augmentations=FLIPS,
        dim=plan.dim,
        width=plan.glyph_width,
        epochs=max(1, round(plan.glyph_samples / (len(data.train) * _VIEWS))),
        seed=context.seed,
        device=context.device,
    ).for_images(data.train.images)
    digest = digest_of(replace(settings, device="auto").described(), data.fingerprint)[:8]
    folder = context.folder / RUNS / f"glyphs-seed{context.seed}-{digest}"
    run = find_or_train(folder, settings, context.catalog, data, progress=context.progress, notes=context.notes)
    run.space.to(device_of(context.device)).requires_grad_(requires_grad=False).eval()
    return run


def _part_tables(found: PartitionFindings, title: str) -> tuple[Table, Table]:
    parts = {part.name: part for part in found.partition.parts}
    rows: list[tuple[str | float | None, ...]] = []
    for name, told in found.views.items():
        part = parts.get(name)
        sizes = (None, None, None) if part is None else (part.dim, part.share, part.moved_share)
        rows.append((name, *sizes, told.linear, told.neighbours, told.chance))
    return (
        Table(
            f"Parts of codes, {title}: share of the variance, and views told by each",
            ("part", "coordinates", "share", "share, all views", "linear", "neighbours", "chance"),
            tuple(rows),
        ),
        Table(
            f"Content of one image with the view of another, {title}: share of {found.swap.images} pairs in which "
            "frozen classifiers see it",
            ("what", "content", "view"),
            tuple((name, score.content, score.view) for name, score in found.swap.scores.items()),
        ),
    )


def _prior_table(priors: dict[str, Alignment]) -> Table:
    rows = tuple((name, *(getattr(found, key) for key in MEASURES)) for name, found in priors.items())
    return Table(
        "Blocks of codes beside the factors of glyphs, by prior", ("prior", *MEASURES.values()), rows, digits=2
    )
