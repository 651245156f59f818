"""What is encoded and measured in pieces is the same wherever the pieces are done, and can be sent there."""

import pickle
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from grid_spaces import patch_space

from augalgebra import load_catalog
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.composition import measure_composition
from augalgebra.data.loading import load_data
from augalgebra.latent.lavae import LAVAE, Architecture
from augalgebra.operators import OperatorRegistry, build_representation
from augalgebra.tasks import Workers
from augalgebra.training.encoding import view_moments
from augalgebra.training.grids.fitting import plan_grid_operators
from augalgebra.training.grids.orbits import Orbits
from augalgebra.training.views import Views

CATALOG = load_catalog()
VIEWS = Views.closed(CATALOG, ("flip_lr", "flip_ud"))
SPACE = LAVAE(Architecture(dim=4, width=4), seed=0)
SPLIT = load_data().train.sample(40)


def by_mail(
    function: Callable[[Any], Any], items: Iterable[Any], workers: Workers | None = None, *, ordered: bool = False
) -> Iterator[tuple[Any, Any]]:
    """Do everything on copies, as a worker with memory of its own does."""
    assert ordered, workers
    copy = pickle.loads(pickle.dumps(function))
    yield from ((item, pickle.loads(pickle.dumps(copy(pickle.loads(pickle.dumps(item)))))) for item in items)


@pytest.fixture(params=["threads", "mail"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Workers:
    if request.param == "mail":
        for module in ("training.encoding", "training.grids.orbits", "consistency.composition"):
            monkeypatch.setattr(f"augalgebra.{module}.run_tasks", by_mail)
    return Workers(2, "threading")


def test_moments(elsewhere: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augalgebra.training.encoding.BATCH", 16)
    here, there = view_moments(SPACE, VIEWS, SPLIT), view_moments(SPACE, VIEWS, SPLIT, elsewhere)
    assert 40 == here.count == there.count
    for first in VIEWS.words:
        np.testing.assert_array_equal(here.mean(first), there.mean(first))
        for second in VIEWS.words:
            np.testing.assert_array_equal(here.covariance(first, second), there.covariance(first, second))


def test_measurements(elsewhere: Workers) -> None:
    registry = OperatorRegistry.of(SPACE, CATALOG)
    assert VIEWS.group is not None
    registry.set_matrices(build_representation(VIEWS.group, 4), moments=view_moments(SPACE, VIEWS, SPLIT))
    images = SPLIT.batch(slice(None))[0]
    told: list[tuple[int, int]] = []
    here, there = (
        measure_composition(
            SPACE,
            UnreducedOperators(registry),
            CATALOG,
            images,
            ["flip_lr", "flip_ud"],
            labels=SPLIT.labels,
            batch_size=16,
            workers=workers,
            on_progress=lambda done, total, _="": told.append((done, total)),
        )
        for workers in (None, elsewhere)
    )
    assert here.to_dict() == there.to_dict()
    assert [(16, 40), (32, 40), (40, 40)] * 2 == told


def test_codes_of_crops(elsewhere: Workers) -> None:
    crops = torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    plan = plan_grid_operators(CATALOG, ["rotate_cw"], 8)
    shards = []
    for workers in (None, elsewhere):
        with Orbits(patch_space(), CATALOG, plan.group, [CATALOG.word("invert")]) as orbits:
            orbits.encode(crops, workers=workers)
            shards.append(torch.cat(list(orbits.shards())))
    assert (20, 5) == shards[0].shape[:2]
    assert torch.equal(*shards)
