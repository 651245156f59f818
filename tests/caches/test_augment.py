"""Codes moved on the fly are the codes of moved pictures; what is drawn follows the seed, in workers too."""

import pickle
from collections import Counter

import numpy as np
import pytest
import torch
from cached_codes import build_registry, draw_pictures, encode, move_pictures
from grid_spaces import CHANNELS, STRIDE, patch_space
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

import augalgebra as aa
from augalgebra.algebra.words import Word
from augalgebra.caches.placement import Placement
from augalgebra.errors import AugalgebraError, FitError, ImageError, MissingOperatorError, ParameterError
from augalgebra.operators import OperatorRegistry
from augalgebra.operators.grids.noise import ResidualNoise
from augalgebra.operators.grids.operator import GridMap
from augalgebra.operators.grids.registry import GridRegistry

REGISTRY = build_registry()
SQUARE = ["flip_lr", "rotate_cw"]
PICTURES = draw_pictures(40, 32, 32)
CODES = torch.from_numpy(encode(PICTURES))


def test_each_code_is_that_of_the_picture_moved_by_the_word_that_was_drawn() -> None:
    augment = aa.LatentAugment(REGISTRY, group=SQUARE, seed=1)
    masks = PICTURES[:, 0]
    boxes = torch.tensor([[2.0, 4.0, 7.0, 13.0], [0.0, 0.0, 32.0, 1.0]]).expand(40, 2, 4)
    sizes = torch.tensor([[640, 480]]).expand(40, 2)
    codes, words, moved = augment(CODES, masks=masks, boxes=boxes, crop_ltrb=boxes[:, 0], original_size=sizes)
    assert len(set(words)) == 8
    for number, word in enumerate(words):
        picture = move_pictures(PICTURES[number : number + 1], word)
        np.testing.assert_allclose(codes[number].numpy(), encode(picture)[0], atol=1e-5)
        assert torch.equal(moved["masks"][number], picture[0, 0])
        left, top, right, bottom = moved["boxes"][number, 0].int().tolist()
        drawn = torch.zeros(1, 1, 32, 32)
        drawn[..., 4:13, 2:7] = 1
        expected = move_pictures(drawn.expand(1, 3, 32, 32), word)[0, 0]
        assert expected[top:bottom, left:right].all()
        assert expected.sum() == (bottom - top) * (right - left)
        assert torch.equal(moved["crop_ltrb"][number], moved["boxes"][number, 0])
        turned = "rotate" in str(word) and Placement.of(REGISTRY.catalog, word).transposed
        assert moved["original_size"][number].tolist() == ([480, 640] if turned else [640, 480])


def test_masks_on_the_grid_move_with_it() -> None:
    augment = aa.LatentAugment(REGISTRY, group=["flip_lr"], p=1.0)
    masks = torch.arange(16.0).reshape(1, 1, 4, 4).repeat(40, 1, 1, 1)
    assert torch.equal(augment(CODES, masks=masks)[2]["masks"], masks.flip(-1))
    with pytest.raises(ImageError, match=r"masks of 5×5 do not belong to codes of 4×4; .* or 32×32"):
        augment(CODES, masks=torch.zeros(40, 5, 5))


def test_how_often_codes_are_moved() -> None:
    many = torch.zeros(4000, CHANNELS, 1, 1)
    uniform = Counter(aa.LatentAugment(REGISTRY, group=SQUARE)(many)[1])
    assert all(abs(count - 500) < 100 for count in uniform.values())
    assert len(uniform) == 8
    seldom = Counter(aa.LatentAugment(REGISTRY, group=SQUARE, p=0.1)(many)[1])
    assert abs(seldom[Word()] - 3600) < 100
    assert set(aa.LatentAugment(REGISTRY, group=SQUARE, p=0)(many)[1]) == {Word()}
    assert Word() not in aa.LatentAugment(REGISTRY, group=["flip_lr"], p=1)(many)[1]


def test_what_is_drawn_follows_the_seed_and_goes_on() -> None:
    one, same, other = (aa.LatentAugment(REGISTRY, group=SQUARE, seed=seed) for seed in (3, 3, 4))
    first, second = one(CODES)[1], one(CODES)[1]
    assert (first, second) == (same(CODES)[1], same(CODES)[1])
    assert first != second
    assert first != other(CODES)[1]


def test_moved_codes_alone_get_the_noise_that_their_operator_misses() -> None:
    registry = GridRegistry.of(patch_space(), REGISTRY.catalog)
    word = registry.catalog.word("flip_lr")
    exact = REGISTRY.operator(word).maps[0]
    noise = ResidualNoise(0.5 * torch.eye(CHANNELS)[..., None, None])
    registry.add(registry.entry_for(GridMap(exact.move, exact.local, noise), word, "noisy"))
    augments = [aa.LatentAugment(registry, ["flip_lr"], seed=seed, scale=2.0) for seed in (3, 3, 4)]
    means, words = aa.LatentAugment(registry, ["flip_lr"], seed=3, scale=2.0, noise=False)(CODES)
    (codes, drawn), (same, _), (other, _) = (augment(CODES) for augment in augments)
    moved = torch.tensor([bool(word) for word in words])
    assert drawn == words
    assert 0 < int(moved.sum()) < len(moved)
    assert torch.equal(codes[~moved], CODES[~moved])
    assert float((codes - means)[moved].std()) == pytest.approx(0.5 * 2.0, rel=0.05)  # scaled as codes are
    assert torch.equal(codes, same)
    assert not torch.equal(codes, other)
    assert ("with noise", "without noise") == tuple(
        repr(aa.LatentAugment(registry, ["flip_lr"], noise=noise)).removesuffix(")").rpartition(", ")[2]
        for noise in (True, False)
    )


class Cached(Dataset[tuple[Tensor, str]]):
    """Codes that are moved in the worker that reads them."""

    def __init__(self, augment: aa.LatentAugment) -> None:
        self.augment = augment

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> tuple[Tensor, str]:
        codes, word = self.augment(CODES[0])
        return codes, str(word)


def words_of(seed: int, epochs: int = 1) -> list[list[str]]:
    augment = aa.LatentAugment(REGISTRY, group=SQUARE, seed=0)
    loader = DataLoader(Cached(augment), 16, num_workers=2, generator=torch.Generator().manual_seed(seed))
    return [list(words) for _ in range(epochs) for _, words in loader]


@pytest.mark.filterwarnings("ignore:This DataLoader will create")  # on a machine of one core
def test_workers_draw_differently_in_each_epoch_and_the_same_with_the_same_seeds() -> None:
    drawn = words_of(0, epochs=2)  # a batch of either worker, twice
    assert len({tuple(words) for words in drawn}) == 4
    assert words_of(0, epochs=2) == drawn
    assert words_of(1) != drawn[:2]


def test_it_can_be_sent_to_another_process() -> None:
    augment = aa.LatentAugment(REGISTRY, group=SQUARE, seed=5)
    again = pickle.loads(pickle.dumps(augment))
    (codes, words), (others, other_words) = augment(CODES), again(CODES)
    assert words == other_words
    assert torch.equal(codes, others)


def test_inside_of_what_is_compiled_it_does_the_same() -> None:
    augment, same = (aa.LatentAugment(REGISTRY, group=SQUARE, seed=2) for _ in range(2))

    @torch.compile(backend="eager")
    def step(codes: Tensor) -> Tensor:
        moved, _ = augment(codes * 2)
        return moved.sin()

    assert torch.allclose(step(CODES), same(CODES * 2)[0].sin())


def test_codes_of_any_type_are_moved_and_gradients_go_through() -> None:
    for dtype in (torch.float16, torch.bfloat16, torch.float64):
        augment = aa.LatentAugment(REGISTRY, group=["flip_lr"], p=1.0)
        moved = augment(CODES.to(dtype))[0]
        assert moved.dtype == dtype
        assert torch.allclose(moved.float(), torch.from_numpy(encode(PICTURES.flip(-1))), atol=0.1)
    codes = CODES.clone().requires_grad_()
    aa.LatentAugment(REGISTRY, group=SQUARE)(codes)[0].square().sum().backward()
    assert torch.allclose(codes.grad, 2 * codes, atol=1e-4)  # these operators are orthogonal


@pytest.mark.parametrize("by_channel", [False, True])
def test_normalised_codes_are_moved_as_raw_ones(*, by_channel: bool) -> None:
    scale, shift = (torch.rand(CHANNELS) + 0.5, torch.rand(CHANNELS)) if by_channel else (0.5, 0.25)
    axes = tuple(item.reshape(-1, 1, 1) if by_channel else item for item in (scale, shift))
    augment = aa.LatentAugment(REGISTRY, group=["flip_lr"], p=1.0, scale=scale, shift=shift)
    moved, _ = augment((CODES - axes[1]) * axes[0])
    expected = (torch.from_numpy(encode(PICTURES.flip(-1))) - axes[1]) * axes[0]
    assert torch.allclose(moved, expected, atol=1e-5)


def test_vectors_are_moved_too() -> None:
    registry = OperatorRegistry(4, "f" * 64, aa.load_catalog())
    registry.set_matrices({registry.catalog.word("flip_lr"): np.diag([1.0, -1.0, 1.0, -1.0])})
    augment = aa.LatentAugment(registry, group=["flip_lr"], seed=0)
    codes, words = augment(torch.ones(50, 4))
    assert len(set(words)) == 2
    for code, word in zip(codes, words, strict=True):
        assert code.tolist() == ([1.0, -1.0, 1.0, -1.0] if word else [1.0] * 4)
    again = pickle.loads(pickle.dumps(augment))
    assert torch.equal(again(torch.ones(50, 4))[0], augment(torch.ones(50, 4))[0])
    with pytest.raises(ParameterError, match="nothing moves along with codes that are vectors"):
        augment(torch.ones(2, 4), masks=torch.ones(2, 8, 8))


def test_what_cannot_be_moved_is_refused() -> None:
    augment = aa.LatentAugment(REGISTRY, group=SQUARE)
    wide = torch.from_numpy(encode(draw_pictures(3)))
    with pytest.raises(ImageError, match=r"rotate_cw makes codes of 3×2 of those of 2×3, .* a group without it"):
        augment(wide)
    assert aa.LatentAugment(REGISTRY, group=["flip_lr"])(wide)[0].shape == wide.shape
    turned = {tuple(augment(wide[0])[0].shape) for _ in range(20)}  # one by one they may be turned
    assert turned == {(CHANNELS, 2, 3), (CHANNELS, 3, 2)}
    with pytest.raises(ImageError, match="another autoencoder"):
        aa.LatentAugment(REGISTRY, group=["flip_lr"], p=1)(torch.ones(2, 3, 4, 4))
    with pytest.raises(
        ParameterError, match="labels cannot be moved: masks, crop_ltrb, boxes, original_size move along"
    ):
        augment(CODES, labels=torch.zeros(40))
    with pytest.raises(ParameterError, match="p is a probability"):
        aa.LatentAugment(REGISTRY, group=SQUARE, p=1.5)
    with pytest.raises(ParameterError, match="group is a list"):
        aa.LatentAugment(REGISTRY, group="flip_lr")
    with pytest.raises(MissingOperatorError, match="no operator for invert"):
        aa.LatentAugment(REGISTRY, group=["invert"])
    with pytest.raises(FitError, match="no finite set"):
        aa.LatentAugment(REGISTRY, group=["brightness(0.1)"])


def test_a_roll_takes_masks_along_and_no_boxes() -> None:
    catalog = aa.load_catalog()
    placement = Placement.of(catalog, catalog.word(f"roll({STRIDE}, 0)"))
    picture = draw_pictures(1)
    assert torch.equal(placement.move(picture), catalog.apply(f"roll({STRIDE}, 0)", picture))
    with pytest.raises(ImageError, match="leave at one border and enter at another"):
        placement.move_boxes(torch.tensor([0, 0, 5, 5]), 16, 24)
    for word in ("invert", "brightness(0.2)"):  # which move nothing
        placement = Placement.of(catalog, catalog.word(word))
        assert torch.equal(placement.move(picture), picture)
        assert placement.move_boxes(torch.tensor([1, 2, 5, 5]), 16, 24).tolist() == [1, 2, 5, 5]
    turned = Placement.of(catalog, catalog.word("rotate(10)"))
    with pytest.raises(AugalgebraError, match=r"rotate\(10\) does not move pixels whole"):
        turned.move(picture)
