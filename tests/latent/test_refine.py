"""Refined encoding: exact codes of what a decoder drew, never a higher loss, and the derivative it rests on."""

from dataclasses import dataclass

import pytest
import torch
from latent_contract import assert_latent_space
from torch import Tensor
from torch.nn import functional

from augalgebra.errors import AugalgebraError
from augalgebra.latent import LAVAE, Architecture, LatentSpace
from augalgebra.latent.jacobian import linearise, logits_of
from augalgebra.latent.refine import Memory, refine


def space_of(shape: tuple[int, int, int] = (1, 12, 10), dim: int = 6) -> LAVAE:
    """An untrained space whose decoder draws something of its own for every code."""
    space = LAVAE(Architecture(shape, dim, width=8), seed=1, heads=("main", "other"))
    with torch.no_grad():
        for decoder in space.decoders.values():
            for layer in (decoder.spread, decoder.inner, decoder.outer):
                layer.weight.mul_(3)
    return space


def codes(number: int, dim: int = 6, seed: int = 0) -> Tensor:
    return torch.randn(number, dim, generator=torch.Generator().manual_seed(seed))


def loss(space: LatentSpace, latents: Tensor, images: Tensor, head: str = "main") -> Tensor:
    drawn = logits_of(space, head)(latents)
    return functional.binary_cross_entropy_with_logits(drawn, images.flatten(1), reduction="none").sum(1)


@dataclass
class Wave:
    """A latent space of another kind: what it draws is smooth in the code, its encoder is least squares."""

    dim: int = 3
    image_shape: tuple[int, int, int] = (1, 4, 5)
    heads: tuple[str, ...] = ("main",)

    @property
    def basis(self) -> Tensor:
        return torch.randn(3, 20, generator=torch.Generator().manual_seed(2))

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1).clamp(0.01, 0.99).logit().clamp(-2, 2) @ torch.linalg.pinv(self.basis)

    def decode(self, latents: Tensor, head: str = "main") -> Tensor:
        return (latents @ self.basis + 0.3 * torch.sin(3 * latents @ self.basis)).sigmoid().view(-1, 1, 4, 5)

    def fingerprint(self) -> str:
        return "wave"


@pytest.mark.parametrize("shape", [(1, 12, 10), (3, 8, 8), (1, 9, 11)])
@pytest.mark.parametrize("head", ["main", "other"])
def test_the_fast_derivative_is_that_of_autograd(shape: tuple[int, int, int], head: str) -> None:
    space, latents = space_of(shape), codes(3)
    draw = logits_of(space, head)
    expected = torch.stack([torch.autograd.functional.jacobian(draw, row[None])[0, :, 0].T for row in latents])
    torch.testing.assert_close(linearise(space, latents, head), expected, rtol=1e-4, atol=1e-5)
    rough = linearise(space, latents, head, bfloat16=True)
    assert (rough - expected).norm() < 0.02 * expected.norm()


def test_the_general_derivative_is_that_of_autograd() -> None:
    space, latents = Wave(), 0.3 * codes(4, 3)
    assert_latent_space(space, space.decode(latents))
    draw = logits_of(space, "main")
    expected = torch.stack([torch.autograd.functional.jacobian(draw, row[None])[0, :, 0].T for row in latents])
    with torch.inference_mode():
        torch.testing.assert_close(linearise(space, latents, "main"), expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("bfloat16", [False, True])
@pytest.mark.parametrize("head", ["main", "other"])
def test_codes_of_what_the_decoder_drew_are_recovered(head: str, bfloat16: bool) -> None:
    space, true = space_of(), codes(40)
    images = space.decode(true, head).detach()
    near = true + 0.2 * codes(40, seed=1)
    floor = loss(space, true, images, head)
    before = (loss(space, near, images, head) - floor).mean()
    after = (
        loss(
            space,
            refine(space, images, near, head=head, corrections=0, steps=4, tolerance=0, bfloat16=bfloat16),
            images,
            head,
        )
        - floor
    )
    assert before > 0.5
    assert after.median() < 1e-3
    assert after.mean() < 0.02 * before


def test_any_latent_space_is_refined() -> None:
    space, true = Wave(), 0.5 * codes(30, 3)
    images = space.decode(true)
    near = true + 0.1 * codes(30, 3, seed=1)
    refined = refine(space, images, near, corrections=0, steps=6, tolerance=0)
    assert (refined - true).norm(dim=1).median() < 1e-3 < 0.1 < (near - true).norm(dim=1).median()


def test_no_image_is_drawn_worse_whatever_the_start() -> None:
    space = space_of()
    images = torch.rand(30, 1, 12, 10, generator=torch.Generator().manual_seed(3))
    for start in (None, 5 * codes(30)):
        begin = space.encode(images) if start is None else start
        for steps in (0, 1, 4):
            refined = refine(space, images, start, steps=steps)
            assert bool((loss(space, refined, images) <= loss(space, begin, images) * (1 + 1e-6)).all())


def test_a_derivative_that_lies_harms_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted faults: steps that lead astray, or are not numbers, are not taken."""
    space, true = space_of(), codes(8)
    images = space.decode(true).detach()
    near = true + 0.1 * codes(8, seed=1)
    honest = linearise(space, near, "main")
    for wrong in (-honest, honest * float("nan"), torch.zeros_like(honest)):
        monkeypatch.setattr("augalgebra.latent.refine.linearise", lambda *_, lie=wrong, **__: lie.clone())
        refined = refine(space, images, near, corrections=0)
        assert bool(torch.isfinite(refined).all())
        assert bool((loss(space, refined, images) <= loss(space, near, images) * (1 + 1e-6)).all())


def test_only_what_can_be_drawn_better_is_linearised(monkeypatch: pytest.MonkeyPatch) -> None:
    space, true = space_of(), codes(10)
    images = space.decode(true).detach()
    images[:4] = torch.rand(4, 1, 12, 10, generator=torch.Generator().manual_seed(3))  # no drawing of this decoder
    asked: list[int] = []
    honest = linearise

    def counted(space: LatentSpace, latents: Tensor, head: str, *, bfloat16: bool = False) -> Tensor:
        asked.append(len(latents))
        return honest(space, latents, head, bfloat16=bfloat16)

    monkeypatch.setattr("augalgebra.latent.refine.linearise", counted)
    refined = refine(space, images, true, corrections=0, tolerance=0.01)
    assert asked == [4]
    assert torch.equal(refined[4:], true[4:])
    refine(space, images, true, corrections=0, tolerance=1e9)
    assert asked == [4]


@dataclass
class Skewed(Wave):
    """What it draws is linear in the code up to the sigmoid, and its encoder stretches each coordinate."""

    def encode(self, images: Tensor) -> Tensor:
        exact = images.flatten(1).logit() @ torch.linalg.pinv(self.basis)
        return exact * torch.tensor([1.6, 0.5, 0.8])

    def decode(self, latents: Tensor, head: str = "main") -> Tensor:
        return (latents @ self.basis).sigmoid().view(-1, 1, 4, 5)


def test_corrections_learn_from_each_other() -> None:
    """Alone they leave 0.6⁵ of the first error; three coordinates need four rounds where they are mixed."""
    space, true = Skewed(), 0.3 * codes(20, 3)
    images = space.decode(true)
    near = (space.encode(images) - true).norm(dim=1)
    off = (refine(space, images, steps=0, corrections=5, tolerance=0) - true).norm(dim=1)
    assert bool((off < 1e-3 * near).all())
    assert float((refine(space, images, steps=0, corrections=1) - true).norm(dim=1).median() / near.median()) > 0.1


def test_codes_that_are_given_stay_as_they_are() -> None:
    space, start = space_of(), codes(6)
    kept = start.clone()
    refine(space, torch.rand(6, 1, 12, 10, generator=torch.Generator().manual_seed(3)), start, corrections=0)
    assert torch.equal(start, kept)


def test_batches_do_not_matter() -> None:
    space = space_of()
    images = space.decode(codes(7)).detach()
    torch.testing.assert_close(
        refine(space, images, batch_size=3), refine(space, images, batch_size=7), rtol=1e-3, atol=1e-3
    )
    assert refine(space, images[:0]).shape == (0, 6)


def test_what_does_not_fit_is_refused() -> None:
    space = space_of()
    images = torch.zeros(2, 1, 12, 10)
    with pytest.raises(AugalgebraError, match=r"2 images need codes of shape \[2, 6\], not \[3, 6\]"):
        refine(space, images, codes(3))
    with pytest.raises(AugalgebraError, match="there is no head 'mian'"):
        refine(space, images, head="mian")


def test_derivatives_are_remembered_where_codes_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    space, ends = space_of(), (codes(9), codes(9, seed=5))
    asked: list[int] = []
    honest = linearise

    def counted(space: LatentSpace, latents: Tensor, head: str, *, bfloat16: bool = False) -> Tensor:
        asked.append(len(latents))
        return honest(space, latents, head, bfloat16=bfloat16)

    monkeypatch.setattr("augalgebra.latent.refine.linearise", counted)
    memory = Memory(9)
    for repeat in range(6):
        true = ends[repeat % 2]
        images = space.decode(true).detach()
        near = true + 0.02 * codes(9, seed=10 + repeat)
        refined = refine(space, images, near, corrections=0, tolerance=1e-3, memory=memory, batch_size=5)
        alone = refine(space, images, near, corrections=0, tolerance=1e-3)
        apart = loss(space, refined, images) - loss(space, alone, images)
        assert float(apart.detach().abs().max()) < 0.02
    assert sum(asked) == 6 * 9 + 2 * 9  # those without a memory, and both ends once


def test_a_memory_that_lies_harms_nothing_and_is_mended() -> None:
    """Planted fault: a derivative that is wrong is remembered, and a move that leads astray."""
    space, true = space_of(), codes(4)
    images = space.decode(true).detach()
    near = true + 0.1 * codes(4, seed=1)
    memory, rows = Memory(4), torch.arange(4)
    J = linearise(space, near, "main")
    assert not len(memory.recall(rows, near)[0])
    memory.keep(rows, near, near + 3, -J, torch.zeros(4, dtype=torch.bool))
    settings = {"corrections": 0, "steps": 8, "tolerance": 1e-3}
    honest = loss(space, refine(space, images, near, **settings), images)
    misled = loss(space, refine(space, images, near, memory=memory, **settings), images)
    assert bool((misled < honest + 0.05).all())
    known, _, moves = memory.recall(rows, near)
    assert bool((moves.norm(dim=1) < 3).all())
    assert len(known) == int((misled - loss(space, true, images) < 1e-3).sum()) > 0


def test_a_search_that_is_remembered_starts_where_it_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    space, true = space_of(), codes(6)
    images = space.decode(true).detach()
    near = true + 0.2 * codes(6, seed=1)
    memory = Memory(6)
    first = refine(space, images, near, corrections=0, steps=8, tolerance=1e-3, memory=memory)
    settled = loss(space, first, images) - loss(space, true, images) < 1e-3
    assert int(settled.sum()) > 3

    def none(*_: object, **__: object) -> Tensor:
        raise AssertionError("a derivative was computed")

    monkeypatch.setattr("augalgebra.latent.refine.linearise", none)
    again = refine(space, images[settled], near[settled], corrections=0, steps=0, tolerance=1e-3, memory=Memory(6))
    assert torch.equal(again, near[settled])  # without a memory of these rows nothing moves
    kept = Memory(6)
    kept.keep(torch.arange(6), near, first, torch.zeros(6, 6, 120), torch.zeros(6, dtype=torch.bool))
    torch.testing.assert_close(refine(space, images, near, corrections=0, steps=0, memory=kept), first)


def test_nothing_is_drawn_of_no_codes() -> None:
    space = space_of()
    assert space.decode(codes(0)).shape == (0, 1, 12, 10)
