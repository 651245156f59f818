"""Experiments of `augalg_slides.reproduction.reproduce` with flows: densities of codes, and bent operators."""

from augalg_slides.pages.density import DensityFindings, draw_density, measure_density
from augalg_slides.pages.flow import FlowFindings, draw_fits, measure_fits, worst_residual
from augalg_slides.reproduction.context import TITLES, TRAININGS, ExperimentContext, Outcome, TrainedClaim
from augalgebra.documents import Block, Picture, Table, Text
from augalgebra.plain import finite


def density(context: ExperimentContext) -> Outcome:
    """Codes drawn from a density conditioned on class and view (slides 10 and 17)."""
    claims, blocks = list[TrainedClaim](), list[Block]()
    size = context.plan.networks
    for kind in TRAININGS:
        title = TITLES[kind]
        context.tell(f"density, {title}")
        found = measure_density(
            context.run(kind),
            data=context.dataset,
            images=context.plan.images,
            steps=size.fitting,
            judging=size.judging,
            seed=context.seed,
        )
        claims += [TrainedClaim(claim, title) for claim in found.claims]
        blocks += _density_tables(found, title)
        names = tuple(map(context.catalog.display, found.density.views))
        picture = draw_density(found, names, context.picture(f"density-{kind}"))
        blocks.append(Picture(picture, f"{title}: one draw of each class (columns) in each view (rows)."))
    return Outcome(tuple(claims), tuple(blocks))


def _density_tables(found: DensityFindings, title: str) -> tuple[Table, Table, Table]:
    told = {"normal": "nothing", "mixture": "nothing"}
    return (
        Table(
            f"{found.images} images each against test images, {title}; the first two rows are the ceiling",
            ("codes", "log density", "density", "coverage", "classifier's confidence"),
            tuple(
                (name, item.likelihood, item.density, item.coverage, item.confidence)
                for name, item in found.qualities.items()
            ),
        ),
        Table(
            f"Log density of codes of {found.density.held_out} test images in all views, {title}: nats per coordinate; "
            "higher is better",
            ("model", "told", "nats"),
            tuple((name, told.get(name, "class and view"), value) for name, value in found.density.nats.items()),
        ),
        Table(
            f"Share of images that show the class and the view that they should, {title}",
            ("images", "class", "view"),
            tuple((name, finite(seen.label), seen.view) for name, seen in found.shown.items()),
        ),
    )


def flow(context: ExperimentContext) -> Outcome:
    """Operators conjugated by a flow, beside linear ones (slide 17)."""
    title = TITLES["faithful"]
    found = measure_fits(
        context.run("faithful"),
        data=context.dataset,
        images=context.plan.images,
        steps=context.plan.networks.fitting,
        seed=context.seed,
        tell=lambda doing: context.tell(f"{doing}, {title}"),
    )
    picture = draw_fits(found, context.picture("flow"))
    blocks = (
        _fits_table(found, title),
        Text(
            "All fits are on the same frozen encoder, which was trained as published. Those through the decoder see "
            "what is drawn of moved codes; the flow learns on codes first, then through the decoder."
        ),
        Picture(picture, "The worst word of each fit."),
    )
    return Outcome(tuple(TrainedClaim(claim, title) for claim in found.claims), blocks)


def _fits_table(found: FlowFindings, title: str) -> Table:
    rows: list[tuple[str | float | None, ...]] = []
    for fit, report in found.reports.items():
        worst = report.worst
        rows.append(
            (
                fit,
                report.worst_gap_ratio,
                None if worst is None else f"{worst.word} from {worst.view}",
                None if worst is None else finite(worst.identity_ratio),
                finite(worst_residual(report)),
            )
        )
    headings = ("fit", "worst gap ratio", "of", "nothing moved", "largest relation residual")
    return Table(f"Words up to length four on {found.images} test images, {title}", headings, tuple(rows))
