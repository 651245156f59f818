"""What networks are taught on: codes as they are, and codes that operators moved already."""

import pytest
import torch

from augalgebra import load_catalog
from augalgebra.training.grids import networks
from augalgebra.training.grids.fitting import plan_grid_operators
from augalgebra.training.grids.kernels import fit_kernels
from augalgebra.training.grids.networks import DrawnAsTrue, Networks
from augalgebra.training.grids.orbits import Orbits
from augalgebra.training.grids.settings import GridSettings
from augalgebra.training.loop import Step
from tests.training.grids.test_fitting import crops, make_space


@pytest.mark.parametrize(("moved", "back"), [(0.0, 0.0), (1.0, 1.0), (1.0, 0.0)])
def test_wherever_codes_come_from_exact_operators_end_at_the_true_picture(
    moved: float, back: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(networks, "MOVED", moved)
    monkeypatch.setattr(networks, "BACK", back)
    catalog, space = load_catalog(), make_space()
    plan = plan_grid_operators(catalog, ["flip_lr", "rotate_cw", "invert"], 2)
    with Orbits(space, catalog, plan.group, [target.word for target in plan.targets if not target.in_group]) as orbits:
        orbits.encode(crops(8))
        kernels = [kernel.map for kernel in fit_kernels(orbits, plan.targets, 1)]
        settings = GridSettings(kernel=1, size=16, width=4, depth=1)
        learners = Networks(plan.targets, kernels, *orbits.statistics(), settings)
        objective = DrawnAsTrue(orbits, plan.targets, learners, bfloat16=False)
        for number in range(40):  # before anything is learned the networks answer nothing, so that kernels are all
            step = Step(torch.tensor([number % 8, (number + 3) % 8]), torch.Generator().manual_seed(number), 0.0)
            measured = objective(step)
            assert measured.terms["error"] < -40
