"""Queries about words, measured in the latent space of a run; operators are planted, losses computed by hand."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from augalgebra import load_catalog
from augalgebra.data.dataset import Dataset
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, MissingOperatorError, NotInvertibleError
from augalgebra.runs.queries import compare_in_run, measure_routes, measure_word
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.settings import TrainSettings

CATALOG = load_catalog()
DIM = 6


@pytest.fixture(scope="module")
def data(few_digits: Path) -> Dataset:
    return load_data(few_digits)


@pytest.fixture(scope="module")
def trained(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Run:
    names = ("flip_lr", "rotate_cw")
    settings = TrainSettings(
        data=data.name, width=4, dim=DIM, epochs=20, kl_weight=0.01, augmentations=names, fit="ridge"
    )
    return train(tmp_path_factory.mktemp("runs") / "run", settings, CATALOG, data=data)


def planted(trained: Run, **matrices: np.ndarray[Any, Any]) -> Run:
    """The run with operators given by hand."""
    run = Run.load(trained.folder, CATALOG)
    run.registry.set_matrices({CATALOG.word(name): matrix for name, matrix in matrices.items()}, replace_existing=True)
    return run


def turning(degrees: float) -> np.ndarray[Any, Any]:
    matrix = np.eye(DIM)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix[:2, :2] = [[c, s], [-s, c]]
    return matrix


def loss(run: Run, data: Dataset, view: str, word: str, move: Tensor) -> float:
    """The decoded loss of a matrix, from the view to the word, with nothing of the library's measuring."""
    images = data.test.batch(slice(None))[0]
    with torch.no_grad():
        codes = run.space.encode(CATALOG.apply(view, images)) @ move
        drawn = run.space.decode(codes)
    target = CATALOG.apply(word, images)
    return float(functional.binary_cross_entropy(drawn, target, reduction="sum")) / len(images)


def test_a_word_is_measured_beside_floor_and_identity(trained: Run, data: Dataset) -> None:
    L = turning(50)
    run = planted(trained, flip_lr=L)
    found = measure_word(run, "flip_lr")
    assert found.score.bce == pytest.approx(loss(run, data, "id", "flip_lr", torch.tensor(L).float()), rel=1e-4)
    assert found.score.floor == pytest.approx(loss(run, data, "flip_lr", "flip_lr", torch.eye(DIM)), rel=1e-4)
    assert found.score.identity_bce == pytest.approx(loss(run, data, "id", "flip_lr", torch.eye(DIM)), rel=1e-4)
    assert found.images == len(data.test)
    assert measure_word(run, "flip_lr", images=5).images == 5


def test_an_identity_costs_nothing_however_bad_the_operators_are(trained: Run, data: Dataset) -> None:
    run = planted(trained, flip_lr=turning(50))
    found = measure_word(run, "flip_lr^2")
    assert (found.score.route, found.score.gap_ratio) == ("id", 1.0)
    assert found.as_written is not None
    assert found.as_written.route == "flip_lr^2"
    moved = loss(run, data, "id", "id", torch.tensor(turning(100)).float())
    assert found.as_written.bce == pytest.approx(moved, rel=1e-4)
    # letters that have no operator cancel before any is looked up
    assert measure_word(run, "transpose * transpose").score.route == "id"
    assert measure_word(run, "gaussian_blur^0").as_written is not None
    # so do letters whose operator cannot be undone
    flat = planted(trained, rotate_cw=np.diag([1.0, 1, 1, 1, 1, 0]))
    found = measure_word(flat, "rotate_cw * rotate_cw^-1")
    assert (found.score.route, found.as_written) == ("id", None)
    assert measure_word(flat, "rotate_cw^-1").score.route == "rotate_cw^3"


def test_words_are_compared_by_operators_and_by_what_is_drawn(trained: Run) -> None:
    good = planted(trained, flip_lr=np.diag([-1.0, -1, 1, 1, -1, 1]))
    found = compare_in_run(good, "flip_lr^3", "flip_lr")
    assert (found.equal, found.true_difference) == (True, 0.0)
    assert found.residual < 1e-6
    assert found.drawn_difference < 1e-5 < found.moved
    # the fault: a flip that is not its own inverse
    bad = planted(trained, flip_lr=np.diag([-2.0, -2, 1, 1, -2, 1]))
    found = compare_in_run(bad, "flip_lr^3", "flip_lr")
    assert found.equal is False
    assert found.residual == pytest.approx(6 * np.sqrt(3 / DIM), rel=1e-5)
    assert "up to 10% counts as equal" in found.reason
    assert compare_in_run(bad, "flip_lr^3", "flip_lr", threshold=1e6).equal is True


def test_operators_that_move_nothing_make_nothing_equal(trained: Run) -> None:
    still = planted(trained, flip_lr=np.eye(DIM), rotate_cw=np.eye(DIM))
    found = compare_in_run(still, "flip_lr", "rotate_cw")
    assert found.equal is None
    assert "drawn to move nothing" in found.reason
    assert found.true_difference > 0.05


def test_the_route_with_the_least_gap_is_chosen(trained: Run, data: Dataset) -> None:
    # three quarter turns go astray, one back does not
    run = planted(trained, flip_lr=np.eye(DIM), rotate_cw=turning(70) * 1.3)
    found = measure_routes(run, "rotate_cw", "id")
    routes = {score.route: score for score in found.scores}
    assert {"rotate_cw^-1", "rotate_cw^3"} <= routes.keys()
    for route, power in (("rotate_cw^-1", -1), ("rotate_cw^3", 3)):
        move = torch.tensor(np.linalg.matrix_power(turning(70) * 1.3, power)).float()
        assert routes[route].bce == pytest.approx(loss(run, data, "rotate_cw", "id", move), rel=1e-4)
    least = min(score.bce for score in found.scores)
    assert found.best.bce <= least * (1 + 1e-5)
    assert len(CATALOG.word(found.shortest.route)) == min(len(CATALOG.word(route)) for route in routes)
    assert found.ranked[0] is found.best
    assert [score.bce for score in found.ranked[1:]] == sorted(score.bce for score in found.ranked[1:])
    answer = found.to_dict()
    assert answer["route"] == found.best.route


def test_routes_that_measure_alike_give_the_shortest(trained: Run) -> None:
    run = planted(trained, flip_lr=np.diag([-1.0, -1, 1, 1, -1, 1]), rotate_cw=np.eye(DIM))
    assert measure_routes(run, "id", "flip_lr").best.route == "flip_lr"
    assert measure_routes(run, "flip_lr", "flip_lr").best.route == "id"


def test_what_is_missing_or_cannot_be_undone_is_told_by_name(trained: Run) -> None:
    with pytest.raises(MissingOperatorError, match=r"no operator for shear_x; it has .*flip_lr.*augalg operators"):
        measure_word(trained, "flip_lr * shear_x")
    with pytest.raises(MissingOperatorError, match=r"no operator for invert"):
        compare_in_run(trained, "flip_lr", "invert")
    with pytest.raises(NotInvertibleError, match="canny"):
        measure_routes(trained, "canny", "flip_lr")
    flat = planted(trained, rotate_cw=np.diag([1.0, 1, 1, 1, 1, 0]))
    with pytest.raises(NotInvertibleError, match="rank 5 of 6"):
        compare_in_run(flat, "rotate_cw^-1", "flip_lr")
    flat.registry.set_matrices({CATALOG.word("roll(2, 0)"): np.diag([1.0, 1, 1, 1, 1, 0])})
    with pytest.raises(NotInvertibleError, match="rank 5 of 6"):
        measure_word(flat, "roll(-2, 0)")
    with pytest.raises(AugalgebraError, match="unknown augmentation"):
        measure_word(trained, "flop")


def test_the_program_measures_beside_the_laws(program: Callable[..., Any], trained: Run, tmp_path: Path) -> None:
    model = ["--model", str(trained.folder)]
    done = program("compose", "rotate_cw^5", *model, "--json")
    assert done.code == 0, done.err
    answer = done.data
    assert answer["normal_form"] == "rotate_cw"
    assert answer["measured"]["operator"] == "rotate_cw"
    assert answer["measured"]["as_written"]["operator"] == "rotate_cw^5"

    done = program("route", "flip_lr", "rotate_cw", *model)
    assert done.code == 0, done.err
    assert "shortest        anti_transpose\nleast measured  " in done.out

    done = program("equal", "flip_lr", "rotate_cw", *model, "--threshold", "1e9", "--level", "latent", "--json")
    answer = done.data
    assert answer["level"] == answer["measured"]["level"] == "latent"
    assert done.code == (0 if answer["equal"] else 1)
    done = program("equal", "flip_lr^2", "id", *model)
    assert done.code == 0, done.err
    assert "Measured in" in done.out

    for arguments, message in (
        (["compose", "canny", *model], "has no operator for canny; it has flip_lr, rotate_cw"),
        (["compose", "id", "--model", str(tmp_path / "none")], "is no run folder"),
        (["equal", "id", "id", "--level", "latent"], "name one with --model"),
    ):
        done = program(*arguments)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert message in done.err
