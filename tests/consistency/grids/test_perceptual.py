"""LPIPS is measured only where its weights lie already, by whatever torchmetrics says; nothing is downloaded."""

import pickle
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import torch
from grid_spaces import exact_registry, patch_space, pictures
from torch import Tensor, nn

from augalgebra import load_catalog
from augalgebra.consistency.grids.measuring import measure_grid
from augalgebra.consistency.grids.perceptual import WEIGHTS, find_lpips
from augalgebra.consistency.grids.report import GridReport
from augalgebra.reports.grids.grid_tables import quality_table


class Distance(nn.Module):
    """In place of torchmetrics' metric: a mean that adds up until it is reset, and would download what is missing."""

    def __init__(self, *, net_type: str, normalize: bool) -> None:
        super().__init__()
        assert (net_type, normalize) == ("alex", True)
        assert Path(torch.hub.get_dir(), "checkpoints", WEIGHTS).is_file(), "this would download"
        self.seen: list[float] = []

    def forward(self, shown: Tensor, true: Tensor) -> Tensor:
        assert shown.shape == true.shape
        assert shown.shape[1] == 3
        self.seen.append(float((shown - true).abs().mean()))
        return torch.tensor(self.seen).mean()

    def reset(self) -> None:
        self.seen.clear()


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where weights would lie, with the packages at hand."""
    for name in ("torchvision", "torchmetrics", "torchmetrics.image", "torchmetrics.image.lpip"):
        module: Any = types.ModuleType(name)
        module.LearnedPerceptualImagePatchSimilarity = Distance
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints" / WEIGHTS


def measure(size: int = 64) -> GridReport:
    catalog = load_catalog()
    space = patch_space()
    registry = exact_registry(space, catalog, ("flip_lr",))
    word = catalog.word("flip_lr")
    return measure_grid(space, registry, catalog, pictures(3, size), [word], batch=2, cost=False)


def test_with_weights_at_hand_every_way_has_its_distance(weights: Path) -> None:
    torch.save({"features.0.weight": torch.zeros(2)}, weights)
    report = measure()
    assert report.remarks == ()
    crops, space = torch.stack(pictures(3)).float() / 255, patch_space()
    true = crops.flip(-1)
    with torch.no_grad():
        plain = space.decode(space.encode(crops).flip(-1))
    assert report.scores[0].ways["plain"].lpips == pytest.approx(float((plain - true).abs().mean()), abs=1e-6)
    assert all(isinstance(quality.lpips, float) for quality in report.scores[0].ways.values())
    assert report.to_dict()["words"][0]["ways"]["floor"]["lpips"] is not None


def test_without_weights_it_is_left_out_and_named_in_the_table(weights: Path) -> None:
    report = measure()
    assert report.scores[0].ways["operator"].lpips is None
    (remark,) = report.remarks
    assert str(weights) in remark
    assert remark in quality_table(report).title
    assert report.to_dict()["remarks"] == [remark]


def test_weights_that_would_run_something_are_not_read(weights: Path, tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    weights.write_bytes(pickle.dumps(Trap()))
    found, reason = find_lpips(64)
    assert found is None
    assert "pickle" in reason
    assert not (tmp_path / "sprung").exists()


def test_small_crops_and_missing_packages_are_named(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.save({"features.0.weight": torch.zeros(2)}, weights)
    assert "32 pixels at least, and these have 24" in find_lpips(24)[1]
    monkeypatch.setitem(sys.modules, "torchvision", None)
    assert "needs the packages torchmetrics and torchvision" in find_lpips(64)[1]
