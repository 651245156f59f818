import math
import re

import pytest
import torch
from latent_contract import assert_latent_space
from torch.nn import functional

from augalgebra.errors import AugalgebraError, ImageError, RunError
from augalgebra.latent import LAVAE, MAIN_HEAD, Architecture
from augalgebra.latent.lavae import HeadKind
from augalgebra.latent.networks import DeepDecoder
from augalgebra.latent.store import read_tensors, write_tensors

SMALL = Architecture(image_shape=(1, 12, 8), dim=3, width=4)


def small(seed: int = 0) -> LAVAE:
    return LAVAE(SMALL, seed=seed)


def some_images(count: int = 5, shape: tuple[int, int, int] = SMALL.image_shape) -> torch.Tensor:
    return torch.rand(count, *shape, generator=torch.Generator().manual_seed(1))


def test_it_fulfils_the_protocol() -> None:
    space = small()
    assert_latent_space(space, some_images())
    assert (3, (1, 12, 8), (MAIN_HEAD,)) == (space.dim, space.image_shape, space.heads)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 12, 8), (3, 9, 7), (1, 1, 5)])
def test_images_of_any_size_come_back_in_their_size(shape: tuple[int, int, int]) -> None:
    space = LAVAE(Architecture(shape, dim=2, width=3))
    drawn = space.decode(space.encode(some_images(2, shape)))
    assert (2, *shape) == tuple(drawn.shape)
    assert 0 <= float(drawn.detach().min()) <= float(drawn.detach().max()) <= 1


def test_the_network_has_the_published_layers() -> None:
    """A plain forward pass written with torch's own functions gives the same."""
    space, images = LAVAE(Architecture((1, 28, 28), dim=5, width=6)), some_images(3, (1, 28, 28))
    first, _, second, _ = space.encoder.convolutions
    hidden = functional.relu(functional.conv2d(images, first.weight, first.bias, stride=2, padding=1))
    hidden = functional.relu(functional.conv2d(hidden, second.weight, second.bias, stride=2, padding=1))
    both = functional.linear(
        hidden.permute(0, 2, 3, 1).flatten(1), space.encoder.heads.weight, space.encoder.heads.bias
    )
    mean, log_variance = space.posterior(images)
    torch.testing.assert_close(torch.cat([mean, log_variance], 1), both)
    assert torch.equal(mean, space.encode(images))

    decoder = space.decoder(MAIN_HEAD)
    grid = functional.relu(functional.linear(mean, decoder.spread.weight, decoder.spread.bias))
    grid = grid.view(3, 7, 7, 12).permute(0, 3, 1, 2)
    grid = functional.relu(
        functional.conv_transpose2d(grid, decoder.inner.weight, decoder.inner.bias, stride=2, padding=1)
    )
    logits = functional.conv_transpose2d(grid, decoder.outer.weight, decoder.outer.bias, stride=2, padding=1)
    torch.testing.assert_close(space.logits(mean), logits)
    torch.testing.assert_close(space.decode(mean), logits.sigmoid())


def test_a_deep_head_has_a_layer_more_in_each_part() -> None:
    """A plain forward pass written with torch's own functions gives the same, for pictures of any size."""
    decoder, codes = DeepDecoder((3, 10, 13), 5, 4), torch.randn(2, 5, generator=torch.Generator().manual_seed(0))
    (deeper, _, spread), (coarse, _, inner), (fine, _, outer) = decoder.spread, decoder.inner, decoder.outer
    grid = functional.relu(spread(functional.relu(deeper(codes)))).view(2, 3, 4, 8).permute(0, 3, 1, 2)
    grid = functional.relu(functional.conv2d(grid, coarse.weight, coarse.bias, padding=1))
    grid = functional.relu(functional.conv_transpose2d(grid, inner.weight, inner.bias, stride=2, padding=1))
    grid = functional.relu(functional.conv2d(grid, fine.weight, fine.bias, padding=1))
    logits = functional.conv_transpose2d(grid, outer.weight, outer.bias, stride=2, padding=1)
    torch.testing.assert_close(decoder(codes), logits[..., :10, :13])


def test_gradients_are_those_of_the_plain_transposed_convolution() -> None:
    outer = small().decoder(MAIN_HEAD).outer
    grid = torch.randn(2, 4, 6, 4, generator=torch.Generator().manual_seed(0))
    for layer in (outer, lambda x: functional.conv_transpose2d(x, outer.weight, outer.bias, stride=2, padding=1)):
        outer.zero_grad()
        layer(grid).square().sum().backward()
        gradients = [outer.weight.grad.clone(), outer.bias.grad.clone()]
        if layer is outer:
            expected = gradients
    torch.testing.assert_close(expected, gradients)


def test_weights_depend_on_the_seed_and_leave_the_global_state_alone() -> None:
    before = torch.get_rng_state()
    assert small(3).fingerprint() == small(3).fingerprint()
    assert small(3).fingerprint() != small(4).fingerprint()
    assert torch.equal(before, torch.get_rng_state())


def test_fingerprint_follows_the_encoder_and_nothing_else() -> None:
    space = small()
    fingerprint = space.fingerprint()
    space.add_head("other", seed=5)
    with torch.no_grad():
        space.decoder(MAIN_HEAD).spread.bias += 1
    assert fingerprint == space.fingerprint()
    with torch.no_grad():
        space.encoder.heads.bias[0] += 1e-6
    assert fingerprint != space.fingerprint()


def test_heads_are_added_by_name_and_may_begin_as_another() -> None:
    space = small()
    fresh, copied = space.add_head("fresh", seed=7), space.add_head("copied", init_from=MAIN_HEAD)
    assert ("main", "fresh", "copied") == space.heads
    latents = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(space.decode(latents), space.decode(latents, "copied"))
    assert not torch.equal(space.decode(latents), space.decode(latents, "fresh"))
    assert fresh is space.decoder("fresh")
    assert copied is not space.decoder(MAIN_HEAD)


def test_a_missing_head_is_named_with_those_that_exist() -> None:
    space = small()
    space.add_head("canny")
    with pytest.raises(
        AugalgebraError, match=re.escape("no head 'cany'; the heads are main, canny. Did you mean canny?")
    ):
        space.decode(torch.zeros(1, 3), "cany")
    with pytest.raises(AugalgebraError, match="there is no head 'x'"):
        space.add_head("new", init_from="x")
    assert ("main", "canny") == space.heads


@pytest.mark.parametrize("name", ["", "a.b", "a b", "pop", "training"])
def test_impossible_names_of_heads_are_refused(name: str) -> None:
    with pytest.raises(AugalgebraError, match="a head cannot be called"):
        small().add_head(name)


def test_a_taken_name_is_refused() -> None:
    with pytest.raises(AugalgebraError, match="already"):
        small().add_head(MAIN_HEAD)


def test_wrong_images_and_latents_are_refused_with_what_is_expected() -> None:
    with pytest.raises(ImageError, match=r"images 1×12×8, not 3×12×8"):
        small().encode(some_images(2, (3, 12, 8)))
    with pytest.raises(AugalgebraError, match="has 3 coordinates, not 4"):
        small().decode(torch.zeros(2, 4))


@pytest.mark.parametrize(
    "impossible", [{"dim": 0}, {"width": 0}, {"image_shape": (2, 8, 8)}, {"image_shape": (1, 0, 8)}]
)
def test_impossible_architectures_are_refused(impossible: dict) -> None:
    with pytest.raises(AugalgebraError, match="no network has"):
        Architecture(**impossible)


def test_save_and_load_round_trip(tmp_path) -> None:
    space = small(2)
    space.add_head("shear_x-canny", seed=1)
    space.save(tmp_path / "model.safetensors")
    loaded = LAVAE.load(tmp_path / "model.safetensors")
    assert space.architecture == loaded.architecture
    assert space.heads == loaded.heads
    assert space.fingerprint() == loaded.fingerprint()
    latents = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    for head in space.heads:
        assert torch.equal(space.decode(latents, head), loaded.decode(latents, head))


def test_equal_weights_give_equal_files(tmp_path) -> None:
    small(2).save(tmp_path / "a")
    small(2).save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_missing_damaged_and_foreign_files_are_told_apart(tmp_path) -> None:
    path = tmp_path / "model.safetensors"
    with pytest.raises(RunError, match="is missing"):
        LAVAE.load(path)
    small().save(path)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(RunError, match="is damaged"):
        LAVAE.load(path)
    write_tensors(path, {"a": torch.zeros(1)}, {"kind": "another"})
    with pytest.raises(RunError, match=r"is no augalgebra.lavae file"):
        LAVAE.load(path)
    small().save(path)
    tensors, header = read_tensors(path, "augalgebra.lavae")
    write_tensors(path, tensors, header.data | {"dim": 4})
    with pytest.raises(RunError, match="does not hold the network"):
        LAVAE.load(path)


def linear(image_shape: tuple[int, int, int], dim: int) -> torch.nn.Module:
    layers = [torch.nn.Linear(dim, math.prod(image_shape)), torch.nn.Dropout(), torch.nn.Unflatten(1, image_shape)]
    return torch.nn.Sequential(*layers)


KIND_OF_HEAD = HeadKind("acme.linear", linear)


def test_a_head_of_another_make_is_seeded_and_drawn_the_same_twice() -> None:
    state = torch.random.get_rng_state()
    first, second = small(2), small(2)
    for space in (first, second):
        space.add_head("new", seed=3, kind=KIND_OF_HEAD)
    assert torch.equal(state, torch.random.get_rng_state())
    latents = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    drawn = first.decode(latents, "new")
    assert drawn.shape == first.decode(latents).shape
    assert torch.equal(drawn, first.decode(latents, "new"))
    assert torch.equal(drawn, second.decode(latents, "new"))
    second.add_head("other", seed=4, kind=KIND_OF_HEAD)
    assert not torch.equal(drawn, second.decode(latents, "other"))


def test_heads_of_another_make_are_read_back_by_name(tmp_path) -> None:
    space = small(2)
    space.add_head("new", kind=KIND_OF_HEAD)
    space.add_head("copy", init_from="new")
    space.save(tmp_path / "model")
    asked = []

    def find(name: str):
        asked.append(name)
        return linear

    loaded = LAVAE.load(tmp_path / "model", find)
    assert ["acme.linear", "acme.linear"] == asked
    assert {"new": "acme.linear", "copy": "acme.linear"} == loaded.head_kinds
    latents = torch.randn(2, 3, generator=torch.Generator().manual_seed(0))
    for head in space.heads:
        assert torch.equal(space.decode(latents, head), loaded.decode(latents, head))


def test_a_head_whose_maker_is_gone_or_changed_is_named(tmp_path) -> None:
    space = small(2)
    space.add_head("new", kind=KIND_OF_HEAD)
    space.save(tmp_path / "model")
    with pytest.raises(
        RunError, match=r"head 'new' of .* was made by the decoder 'acme.linear' of a plugin that is not"
    ):
        LAVAE.load(tmp_path / "model")

    def deeper(image_shape, dim):
        return torch.nn.Sequential(torch.nn.Linear(dim, dim), linear(image_shape, dim))

    with pytest.raises(RunError, match=r"get back the plugin of acme.linear as it was"):
        LAVAE.load(tmp_path / "model", lambda name: deeper)


def failing(image_shape, dim):
    raise ValueError("needs 64 pixels")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (failing, r"the decoder acme.bad failed for images .* needs 64 pixels"),
        (lambda shape, dim: None, "must make a torch module with parameters, not None"),
        (lambda shape, dim: torch.nn.Identity(), "must make a torch module with parameters"),
        (lambda shape, dim: torch.nn.Linear(dim, 5), r"makes \(2, 5\) of 2 latents"),
    ],
)
def test_a_maker_of_heads_is_held_to_its_promises(make, message: str) -> None:
    space = small(2)
    with pytest.raises(AugalgebraError, match=message):
        space.add_head("new", kind=HeadKind("acme.bad", make))
    assert "new" not in space.heads
    with pytest.raises(AugalgebraError, match=r"copied from main or made by acme.bad, not both"):
        space.add_head("new", init_from=MAIN_HEAD, kind=HeadKind("acme.bad", make))


def test_a_space_that_lies_is_found() -> None:
    """Planted faults: all the names are there, and what they answer is wrong."""

    class Lying:
        dim, image_shape, heads = 3, (1, 4, 4), (MAIN_HEAD,)

        def encode(self, images: torch.Tensor) -> torch.Tensor:
            return torch.zeros(len(images), 2)

        def decode(self, latents: torch.Tensor, head: str = MAIN_HEAD) -> torch.Tensor:
            return torch.full((len(latents), 1, 4, 4), 2.0)

        def fingerprint(self) -> str:
            return "lie"

    with pytest.raises(AssertionError):
        assert_latent_space(Lying(), torch.rand(2, 1, 4, 4))
