"""Parts of a latent space whose codes are the pixels themselves, where the true answer is known."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from augalgebra import Catalog, load_catalog
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, DataError, FitError
from augalgebra.operators import FiniteGroup, OperatorRegistry, Representation
from augalgebra.runs.parts.factors import COORDINATES, PARTS, align_run
from augalgebra.runs.parts.partition import Partition, partition_run
from augalgebra.runs.parts.swapping import SwapReport, draw_swap, measure_swap

SIDE = 16
SMALL = 4
FLIPS = ("flip_lr", "flip_ud")


class PixelSpace:
    """Codes are pixels, so that operators are permutations and nothing is lost."""

    heads = ("main",)

    def __init__(self, side: int) -> None:
        self.dim, self.image_shape = side * side, (1, side, side)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1)

    def decode(self, latents: torch.Tensor, head: str = "main") -> torch.Tensor:
        return latents.unflatten(1, self.image_shape).clamp(0, 1)

    def fingerprint(self) -> str:
        return "pixels"

    def parameters(self) -> Iterator[torch.Tensor]:
        yield torch.zeros(1)


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def data(few_digits: Path) -> Dataset:
    return load_data(few_digits)


def make_run(catalog: Catalog, names: tuple[str, ...] = FLIPS, side: int = SIDE) -> Any:
    words = [catalog.word(name) for name in names]
    group = FiniteGroup.closure(catalog.system(*words).exact, words)
    assert group is not None
    pixels = torch.eye(side * side).view(-1, 1, side, side)
    matrices = np.stack([catalog.apply(word, pixels).flatten(1).double().numpy() for word in group.elements])
    registry = OperatorRegistry(side * side, "pixels", catalog)
    registry.set_matrices(Representation(group, matrices, ()))
    settings = SimpleNamespace(seed=0, data="digits")
    return SimpleNamespace(
        folder=Path("runs/pixels"),
        space=PixelSpace(side),
        registry=registry,
        settings=settings,
        check_data=lambda _: None,
    )


@pytest.fixture(scope="module")
def run(catalog: Catalog) -> Any:
    return make_run(catalog)


@pytest.fixture(scope="module")
def parts(run: Any, data: Dataset) -> Partition:
    return partition_run(run, data=data)


def test_parts_of_pixels_are_even_and_odd_halves(parts: Partition, data: Dataset) -> None:
    quarter = SIDE * SIDE // 4
    assert {part.name: part.dim for part in parts.parts} == {
        "unchanged": quarter,
        "changed by flip_ud": quarter,
        "changed by flip_lr": quarter,
        "changed by flip_lr and flip_ud": quarter,
    }
    assert (parts.group_name, parts.images) == ("Z2×Z2", len(data.test))
    images = data.test.batch(slice(None))[0]
    pieces = parts.split(images.flatten(1))
    centre = torch.from_numpy(parts.centre).float()
    torch.testing.assert_close(sum(pieces.values()) + centre, images.flatten(1), atol=1e-5, rtol=0)
    even, odd = (images + images.flip(-1)) / 2, (images - images.flip(-1)) / 2
    torch.testing.assert_close(pieces["unchanged"] + centre, ((even + even.flip(-2)) / 2).flatten(1), atol=1e-5, rtol=0)
    torch.testing.assert_close(pieces["changed by flip_lr"], ((odd + odd.flip(-2)) / 2).flatten(1), atol=1e-5, rtol=0)


def test_shares_add_up_and_are_those_of_the_variance(parts: Partition, data: Dataset) -> None:
    assert sum(part.share for part in parts.parts) == pytest.approx(1)
    assert sum(part.moved_share for part in parts.parts) == pytest.approx(1)
    images = data.test.batch(slice(None))[0]
    views = torch.cat([images, images.flip(-1), images.flip(-2), images.flip((-1, -2))]).flatten(1)
    whole = float(views.double().var(0).sum())
    for part in parts.parts:
        # over whole orbits the parts are uncorrelated
        own = float(parts.split(views)[part.name].double().var(0).sum())
        assert part.moved_share == pytest.approx(own / whole, rel=1e-4)


def test_one_coordinate_is_one_part(catalog: Catalog) -> None:
    pixels = torch.arange(40, dtype=torch.uint8).view(-1, 1, 1, 1)
    split = Split(pixels, torch.zeros(40, dtype=torch.int64))
    run, one = make_run(catalog, side=1), Dataset("one", split, split)
    (part,) = partition_run(run, data=one).parts
    assert (part.name, part.dim, part.share, part.moved_share) == ("unchanged", 1, 1, 1)


def test_parts_of_turns_have_angles(catalog: Catalog, data: Dataset) -> None:
    found = partition_run(make_run(catalog, ("rotate_cw",)), data=data)
    names = {part.name: part.dim for part in found.parts}
    assert names == {"unchanged": 64, "changed by rotate_cw": 64, "turned by rotate_cw (90°)": 128}


def test_only_the_parts_that_are_named_are_taken(parts: Partition, data: Dataset) -> None:
    first, second = data.test.batch(slice(2))[0].flatten(1).split(1)
    mixed = parts.recombine(first, {"changed by flip_lr": second})
    before, given, after = map(parts.split, (first, second, mixed))
    for name, piece in after.items():
        expected = given if name == "changed by flip_lr" else before
        torch.testing.assert_close(piece, expected[name], atol=1e-5, rtol=0)
    torch.testing.assert_close(parts.swap(first, first), first)
    with pytest.raises(AugalgebraError, match=r"there is no part 'unchangd'.*did you mean 'unchanged'"):
        parts.recombine(first, {"unchangd": second})


def test_poses_are_told_undone_and_given_to_others(parts: Partition, catalog: Catalog, data: Dataset) -> None:
    images = data.train.batch(slice(12))[0]
    codes = images.flatten(1)
    poses = torch.arange(12) % 4
    moved = torch.cat(
        [
            catalog.apply(parts.group.elements[number], image[None]).flatten(1)
            for number, image in zip(poses.tolist(), images, strict=True)
        ]
    )
    torch.testing.assert_close(parts.move(codes, poses), moved)
    alone = replace(parts, references=codes.repeat(5, 1))  # the five nearest are the code itself
    assert alone.pose(moved).tolist() == poses.tolist()
    torch.testing.assert_close(alone.canonicalise(moved), codes)
    back = poses.flip(0)
    torch.testing.assert_close(alone.transfer_pose(moved, alone.move(codes.flip(0), back)), alone.move(codes, back))


@pytest.fixture(scope="module")
def report(run: Any, parts: Partition, data: Dataset) -> SwapReport:
    return measure_swap(run, parts, data=data)


def test_swaps_are_judged_beside_ceiling_and_nothing(report: SwapReport, data: Dataset) -> None:
    scores = report.scores
    assert report.images == len(data.test)
    assert report.views == ("id", "flip_lr", "flip_ud", "flip_lr * flip_ud")
    assert scores["encoded and decoded"] == scores["true pictures"]  # nothing is lost in pixels
    assert scores["true pictures"].view > scores["nothing done"].view + 0.2
    assert scores["pose moved"].view > scores["nothing done"].view
    assert all(score.content is not None for score in scores.values())


def test_without_classes_views_alone_are_judged(run: Any, parts: Partition, few_digits: Path, tmp_path: Path) -> None:
    with np.load(few_digits) as arrays:
        np.savez(tmp_path / "plain.npz", images=arrays["images"])
    scores = measure_swap(run, parts, data=load_data(tmp_path / "plain.npz"), images=5).scores
    assert {score.content for score in scores.values()} == {None}


def test_a_grid_has_the_swaps_and_the_views(run: Any, parts: Partition, data: Dataset) -> None:
    pair = data.test.batch(slice(2))[0]
    grid = draw_swap(run, parts, pair)
    assert grid.shape == (3, 6, 1, SIDE, SIDE)
    torch.testing.assert_close(grid[0, :2], pair)
    torch.testing.assert_close(grid[1, 1], pair[0].flip(-1))
    assert (grid[1:, 4:] == grid[2, 5, 0, 0, 0]).all()  # nothing there


def test_planted_factors_are_found_in_their_parts(catalog: Catalog, data: Dataset) -> None:
    generator = torch.Generator().manual_seed(0)
    factors = {name: torch.rand(300, generator=generator) for name in ("brightness", "lean", "noise")}
    images = torch.full((300, 1, SMALL, SMALL), 0.25) + 0.25 * factors["brightness"][:, None, None, None]
    images[..., : SMALL // 2] += 0.1 + 0.4 * factors["lean"][:, None, None, None]  # the left half is brighter
    split = Split((images * 255).round().byte(), torch.zeros(300, dtype=torch.int64), factors=factors)
    run, planted = make_run(catalog, side=SMALL), Dataset("planted", split, split)
    found = align_run(run, partition_run(run, data=planted), data=planted)
    assert set(found) == {PARTS, COORDINATES}
    information = found[PARTS].information
    assert set(information) == {"brightness", "lean", "noise", "flip_lr", "flip_ud"}  # all are of one class
    best = {factor: max(known, key=lambda name: known[name]) for factor, known in information.items()}
    assert best["flip_lr"] == best["lean"] == "changed by flip_lr"
    assert information["flip_lr"]["changed by flip_lr"] > 0.9 > 0.1 > information["flip_lr"]["unchanged"]
    assert information["brightness"]["unchanged"] > 0.2 > information["brightness"]["changed by flip_lr"]
    assert max(information["noise"].values()) < 0.1
    assert max(information["flip_ud"].values()) < 0.1  # these images do not show it
    with pytest.raises(DataError, match="were drawn from is not known; of glyphs, pendulum and morpho it is"):
        align_run(make_run(catalog), partition_run(make_run(catalog), data=data), data=data)


class CentredPixels(PixelSpace):
    """Codes are pixels less one half, of which inverting changes the sign."""

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1) - 0.5


def test_which_of_many_views_an_image_is_in_is_no_quantity(catalog: Catalog) -> None:
    words = [catalog.word(name) for name in ("rotate_cw", "flip_lr", "invert")]
    group = FiniteGroup.closure(catalog.system(*words).exact, words)
    assert group is not None
    assert len(group) == 16
    pixels = 0.5 + 0.5 * torch.eye(SMALL**2).view(-1, 1, SMALL, SMALL)
    moved = [catalog.apply(word, pixels).flatten(1).double().numpy() for word in group.elements]
    run = make_run(catalog, side=SMALL)
    run.space = CentredPixels(SMALL)
    run.registry = OperatorRegistry(SMALL**2, "pixels", catalog)
    run.registry.set_matrices(Representation(group, 2 * (np.stack(moved) - 0.5), ()))
    generator = torch.Generator().manual_seed(0)
    brightness = torch.rand(640, generator=generator)
    images = (0.8 + 0.1 * brightness[:, None, None, None]).expand(-1, 1, SMALL, SMALL)
    images = images + 0.02 * torch.rand(images.shape, generator=generator)
    split = Split((images * 255).round().byte(), torch.zeros(640, dtype=torch.int64), factors={"light": brightness})
    planted = Dataset("planted", split, split)
    found = align_run(run, partition_run(run, data=planted), data=planted)
    # which sign it has is one bit of the four that a view is
    assert found[PARTS].information["view"]["changed by invert"] == pytest.approx(1 / 4, abs=0.02)


def test_operators_that_make_no_group_have_no_parts(catalog: Catalog, data: Dataset) -> None:
    run = make_run(catalog)
    run.registry.remove(catalog.word("flip_lr"))
    with pytest.raises(FitError, match=r"runs/pixels has no parts: its operators \(flip_ud\) make no finite group"):
        partition_run(run, data=data)
    bent = make_run(catalog)
    entry = bent.registry.entries[catalog.word("flip_lr")]
    entry.map.matrix[0, 0] += 0.01  # planted: no longer its own inverse
    with pytest.raises(FitError, match=r"keep the relations of their group only up to 1.0e-02"):
        partition_run(bent, data=data)
