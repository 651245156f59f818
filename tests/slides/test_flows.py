"""What is claimed of flows follows from what was measured, and charts of classes keep moves and changes apart."""

import math

import pytest
import torch
from augalg_slides.baselines.class_charts import ClassCharts
from augalg_slides.measures.image_quality import Quality
from augalg_slides.pages.density import Shown, judge_density
from augalg_slides.pages.flow import FITS, flow_claim
from torch import Tensor

import augalgebra as aa
from augalgebra.consistency import CompositionReport
from augalgebra.errors import AugalgebraError
from augalgebra.latent import CodeFlow, CodeFlowShape
from augalgebra.operators import Operator, OperatorRegistry, build_representation
from augalgebra.runs import KINDS
from augalgebra.training import Views

CATALOG = aa.load_catalog(aa.Settings())


class Flat:
    """A latent space of two coordinates, as far as a registry needs one."""

    dim = 2

    @staticmethod
    def fingerprint() -> str:
        return "0" * 64


@pytest.fixture(scope="module")
def views() -> list[Operator]:
    """The identity, and a flip that changes the sign of one coordinate."""
    known = Views.closed(CATALOG, ["flip_lr"])
    assert known.group is not None
    registry = OperatorRegistry.of(Flat(), CATALOG)
    registry.set_matrices(build_representation(known.group, Flat.dim))
    return [registry.operator(word) for word in known.words]


def upright(number: int, seed: int) -> tuple[Tensor, Tensor]:
    """Codes of two classes that differ by where they lie and how far they spread, and their classes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(2, (number,), generator=generator) * 5 + 2
    return centres(labels) + spreads(labels) * torch.randn(number, 2, generator=generator), labels


def centres(labels: Tensor) -> Tensor:
    return torch.where(labels[:, None] == 2, torch.tensor([2.0, 1.0]), torch.tensor([-2.0, 1.0]))


def spreads(labels: Tensor) -> Tensor:
    return torch.where(labels[:, None] == 2, 1.0, 0.5)


def test_a_changed_code_lies_where_codes_of_the_other_class_do(views: list[Operator]) -> None:
    codes, labels = upright(2000, 0)
    charts = ClassCharts.fit(torch.stack([view.apply(codes) for view in views]), labels, views, steps=100)
    codes, labels = upright(600, 1)
    flipped, other = views[1].apply(codes), 9 - labels
    changed = views[1].apply(charts.change(flipped, labels, other, views[1]))
    # of normals the offset from the centre, in units of the spread, is all that stays
    expected = centres(other) + spreads(other) * (codes - centres(labels)) / spreads(labels)
    assert float((codes - expected).square().mean().sqrt()) > 2.5
    assert float((changed - expected).square().mean().sqrt()) < 0.5


def test_moves_and_changes_commute_and_changes_follow_one_another(views: list[Operator]) -> None:
    flow = CodeFlow(CodeFlowShape(2, 3, layers=2, width=8))
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(0))
    charts = ClassCharts(flow, (2, 4, 7))
    codes = torch.randn(50, 2, generator=torch.Generator().manual_seed(1))
    two, four, seven = (torch.full((50,), label) for label in charts.classes)
    flip = views[1]
    changed = charts.change(codes, two, seven)
    assert float((changed - codes).abs().max()) > 0.1
    moved_first = charts.change(flip.apply(codes), two, seven, flip)
    torch.testing.assert_close(flip.apply(changed), moved_first, atol=1e-5, rtol=0)
    detour = charts.change(charts.change(codes, two, four), four, seven)
    torch.testing.assert_close(detour, changed, atol=1e-4, rtol=0)
    torch.testing.assert_close(charts.change(changed, seven, two), codes, atol=1e-4, rtol=0)
    assert torch.equal(charts.change(codes, two, two), codes)


def test_one_class_has_no_charts(views: list[Operator]) -> None:
    with pytest.raises(AugalgebraError, match="need images of at least two"):
        ClassCharts.fit(torch.zeros(1, 9, 2), torch.zeros(9, dtype=torch.int64), views[:1])


@pytest.mark.parametrize(
    ("coverage", "nats", "asked", "verdicts"),
    [
        (0.97, -1.0, 0.92, (True, True)),
        (0.97, -1.3, 0.7, (None, None)),
        (0.6, -1.0, 0.3, (None, False)),
        (0.6, -1.3, 0.95, (False, True)),
    ],
)
def test_densities_are_judged_beside_other_ways_and_reconstructions(
    coverage: float, nats: float, asked: float, verdicts: tuple[bool | None, bool | None]
) -> None:
    qualities = {name: Quality(0.0, 1.0, 0.98, None) for name in ("images", "reconstructed", *KINDS)}
    qualities["flow"] = Quality(0.0, 1.0, coverage, None)
    shown = {
        "true images": Shown(0.98, 0.9),
        "encoded and decoded": Shown(0.95, 0.88),
        "draws": Shown(asked, 0.88),
    }
    found = judge_density({"normal": -1.4, "mixtures": -1.2, "flow": nats}, qualities, shown, {"view": 0.8})
    assert tuple(claim.holds for claim in found) == verdicts
    blurred = qualities | {"reconstructed": Quality(0.0, 1.0, 0.1, None)}
    assert judge_density({"normal": -1.4, "flow": nats}, blurred, shown, {})[0].holds is None
    unreadable = shown | {"encoded and decoded": Shown(0.2, 0.3)}
    assert judge_density({"normal": -1.4, "flow": nats}, qualities, unreadable, {})[1].holds is None
    unlabelled = {name: Shown(math.nan, seen.view) for name, seen in shown.items()}
    assert judge_density({"normal": -1.4, "flow": nats}, qualities, unlabelled, {})[1].holds is True


class Worst:
    """A report, as far as the claim looks at it."""

    def __init__(self, gap: float | None, residual: float | None = 1e-7) -> None:
        self.worst_gap_ratio = gap
        self.relations = [type("Relation", (), {"residual": residual})]


@pytest.mark.parametrize(
    ("gap", "residual", "verdict"),
    [(1.08, 1e-7, True), (1.08, 1e-3, None), (1.15, 1e-7, None), (1.3, 1e-7, False), (None, 1e-7, None)],
)
def test_flows_are_judged_by_the_bar_and_beside_linear_fits(
    gap: float | None, residual: float, verdict: bool | None
) -> None:
    reports: dict[str, CompositionReport] = {fit: Worst(1.2) for fit in FITS}  # type: ignore[misc]
    reports["flow"] = Worst(gap, residual)  # type: ignore[assignment]
    assert flow_claim(reports).holds is verdict
