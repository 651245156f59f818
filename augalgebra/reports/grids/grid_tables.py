"""What was measured of operators on grids of codes, as tables of a report."""

from augalgebra.consistency.grids.report import WAYS, GridReport
from augalgebra.documents import HeatMap, Table
from augalgebra.operators.grids.operator import weights_in
from augalgebra.operators.grids.registry import GridEntry, GridFamilyEntry, GridRegistry
from augalgebra.plain import finite

_QUALITIES = (
    *(("psnr", "PSNR, dB"), ("ssim", "SSIM"), ("lpips", "LPIPS"), ("delta_e", "ΔE")),
    ("code_error", "code error"),
)


def verdict_table(report: GridReport) -> Table:
    """Every element with its verdict and the bar that it was judged by, worst first."""
    headings = (
        *("word", "verdict", *WAYS, "worst crop", "share of the way", "lowest share", "bar, dB", "the bar"),
        "spellings",
    )
    told = report.worst_first
    rows = tuple(
        (
            score.word,
            score.verdict,
            *(score.ways[way].psnr if way in score.ways else None for way in WAYS),
            None if score.worst_crop is None else score.worst_crop.psnr,
            score.share,
            score.lowest_share,
            score.bar_db,
            score.bar,
            score.spellings,
        )
        for score in told
    )
    faint = tuple(number for number, score in enumerate(told) if not score.counts)
    height, width = report.size
    title = f"Verdicts, worst first: PSNR in dB on {report.images} test crops of {height}×{width} pixels"
    return Table(title, headings, rows, digits=2, faint=faint)


def quality_table(report: GridReport) -> Table:
    """Every measure of every way."""
    rows = tuple(
        (score.word, way, *(finite(getattr(score.ways[way], name)) for name, _ in _QUALITIES))
        for score in report.worst_first
        for way in WAYS
        if way in score.ways
    )
    title = (
        "Every way to move: similarity of structure (SSIM), distance as AlexNet sees it (LPIPS), difference of colours "
        "(ΔE, CIEDE2000), and squared error of the code over the variance of codes"
    )
    title = ". ".join([title, *report.remarks])
    return Table(title, ("word", "way", *(heading for _, heading in _QUALITIES)), rows)


def part_table(report: GridReport) -> Table | None:
    """Inside and border of words that tear neighbours apart; None where none does."""
    rows = tuple(
        (score.word, part, *(ways.get(way) for way in WAYS))
        for score in report.worst_first
        for part, ways in score.parts.items()
    )
    title = "Inside, and near where neighbours are torn apart: PSNR in dB"
    return Table(title, ("word", "part", *WAYS), rows, digits=2) if rows else None


def drift_map(report: GridReport) -> HeatMap | None:
    """Decibels lost when moved codes are saved and moved on; None where nothing was measured."""
    if not report.drift:
        return None
    return HeatMap(
        "Lost against once, after so many saved applications of a word and the way back by turns",
        tuple(f"{item.word}, {item.back}" if item.back != item.word else item.word for item in report.drift),
        tuple(map(str, report.drift[0].applications)),
        tuple(item.lost for item in report.drift),
        unit="dB",
        digits=2,
    )


def defect_table(report: GridReport) -> Table:
    """How far the operators are from the laws."""
    rows = tuple((item.equation, item.source, item.defect) for item in report.relations)
    return Table(
        "Relations: ‖a − b‖ / ‖b‖ of codes moved by both sides, letter by letter",
        ("equation", "source", "defect"),
        rows,
    )


def cost_table(report: GridReport) -> Table | None:
    """Time and bytes; None if nothing was timed."""
    cost = report.cost
    if cost is None:
        return None
    rows = (
        (f"images a second by operators, {cost.batch} at a time on {cost.device}", cost.operator_rate),
        ("images a second decoded, moved and encoded again", cost.round_trip_rate),
        ("times as fast", cost.speedup),
        ("bytes of all operators, as float32", cost.operator_bytes),
        ("bytes of the code of one image, as float16", cost.code_bytes),
        (f"bytes of one image under all {cost.views} views", cost.all_views_bytes),
    )
    return Table("What it costs", ("what", "number"), rows, digits=1)


def fit_table(registry: GridRegistry) -> Table:
    """How each operator was fitted, and whether that is still true."""
    headings = ("operator", "fit", "weights", "images", "code error", "plain", "plugin", "stale")
    show = registry.catalog.shorten
    entries: list[GridEntry | GridFamilyEntry] = [*registry.entries.values(), *registry.families.values()]
    rows = tuple(
        (
            show(entry.provenance.word),
            entry.provenance.fit,
            weights_in([entry.map]) if isinstance(entry, GridEntry) else None,
            entry.provenance.images,
            entry.provenance.residual,
            entry.provenance.identity_residual,
            f"{entry.provenance.plugin} {entry.provenance.version}".strip(),
            "; ".join(registry.staleness(entry)) or "no",
        )
        for entry in entries
    )
    title = "Operators: how they were fitted, and squared error of the codes over their variance as it was then"
    return Table(title, headings, rows)
