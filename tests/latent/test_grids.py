"""Grid latent spaces made of two modules."""

import copy

import pytest
import torch
from torch import Tensor, nn

from augalgebra.errors import AugalgebraError, ImageError, ParameterError
from augalgebra.latent import GridSpace, LatentSpace, ModuleSpace


def convolutions(seed: int = 0) -> tuple[nn.Module, nn.Module]:
    torch.manual_seed(seed)
    encoder = nn.Sequential(nn.Conv2d(3, 8, 3, 2, 1), nn.Dropout(0.5), nn.Conv2d(8, 5, 3, 2, 1))
    return encoder, nn.Sequential(nn.ConvTranspose2d(5, 3, 4, 4))


def shuffles(**settings: object) -> ModuleSpace:
    numbers = {"channels": 48, "stride": 4, "name": "unshuffle"} | settings
    return ModuleSpace(nn.PixelUnshuffle(4), nn.PixelShuffle(4), **numbers)  # type: ignore[arg-type]


def test_a_pair_of_modules_is_a_grid_space_for_any_size() -> None:
    space = shuffles(scale=0.5, shift=0.1)
    assert isinstance(space, GridSpace)
    assert not isinstance(space, LatentSpace)
    for height, width in ((4, 4), (32, 48), (20, 8)):
        images = torch.rand(2, 3, height, width)
        codes = space.encode(images)
        assert codes.shape == (2, 48, height // 4, width // 4)
        assert torch.equal(codes, nn.PixelUnshuffle(4)(images))
        assert torch.equal(space.decode(codes), images)


def test_decode_clamps_and_draw_does_not() -> None:
    codes = torch.tensor([-1.0, 0.5, 2.0]).expand(1, 1, 1, 3)
    space = ModuleSpace(nn.Identity(), nn.Identity(), channels=1, stride=1, image_channels=1, name="same")
    assert torch.equal(space.draw(codes), codes)
    assert torch.equal(space.decode(codes), codes.clamp(0, 1))


def test_modules_are_frozen_and_answer_the_same_twice() -> None:
    encoder, decoder = convolutions()
    space = ModuleSpace(encoder.train(), decoder, channels=5, stride=4)
    assert not any(parameter.requires_grad for parameter in space.parameters())
    images = torch.rand(2, 3, 16, 16)
    assert torch.equal(space.encode(images), space.encode(images))  # no dropout


def test_gradients_flow_where_they_are_wanted() -> None:
    space = ModuleSpace(*convolutions(), channels=5, stride=4)
    codes = space.encode(torch.rand(1, 3, 16, 16)).requires_grad_()
    space.draw(codes).square().sum().backward()
    assert codes.grad is not None
    assert codes.grad.abs().sum() > 0
    space.encoder.requires_grad_()
    space.encode(torch.rand(1, 3, 16, 16)).sum().backward()
    assert all(parameter.grad is not None for parameter in space.encoder.parameters())


def test_weights_in_half_precision_take_and_answer_float32() -> None:
    encoder, decoder = convolutions()
    exact = ModuleSpace(copy.deepcopy(encoder), copy.deepcopy(decoder), channels=5, stride=4)
    half = ModuleSpace(encoder.bfloat16(), decoder.bfloat16(), channels=5, stride=4)
    images = torch.rand(1, 3, 16, 16)
    codes = half.encode(images)
    assert codes.dtype == half.decode(codes).dtype == torch.float32
    torch.testing.assert_close(codes, exact.encode(images), atol=0.02, rtol=0.02)
    assert half.fingerprint() != exact.fingerprint()


def test_the_fingerprint_is_that_of_the_encoder() -> None:
    encoder, decoder = convolutions()
    space = ModuleSpace(encoder, decoder, channels=5, stride=4)
    first = space.fingerprint()
    again = ModuleSpace(convolutions()[0], convolutions(1)[1], channels=5, stride=4)  # another decoder
    assert again.fingerprint() == first
    assert ModuleSpace(*convolutions(), channels=5, stride=4, name="other").fingerprint() != first
    with torch.no_grad():
        next(encoder.parameters())[0, 0, 0, 0] += 1e-3
    assert space.fingerprint() != first


def test_callables_need_a_name() -> None:
    def encode(images: Tensor) -> Tensor:
        return nn.functional.avg_pool2d(images, 2)

    def decode(codes: Tensor) -> Tensor:
        return nn.functional.interpolate(codes, scale_factor=2)

    with pytest.raises(ParameterError, match=r"needs a name.*name='…'"):
        ModuleSpace(encode, decode, channels=3, stride=2)
    space = ModuleSpace(encode, decode, channels=3, stride=2, name="mean")
    assert space.fingerprint() != ModuleSpace(encode, decode, channels=3, stride=2, name="average").fingerprint()
    images = torch.rand(1, 3, 8, 8)
    assert torch.equal(space.encode(images), encode(images))
    assert space.device == torch.device("cpu")


@pytest.mark.parametrize(
    ("height", "width", "nearest"),
    [(33, 48, "32×48 or 36×48"), (30, 31, "28×28 or 32×32"), (3, 8, "nearest: 4×8"), (0, 8, "nearest: 4×8")],
)
def test_a_size_that_the_stride_does_not_divide_is_refused_with_the_nearest(
    height: int, width: int, nearest: str
) -> None:
    with pytest.raises(ImageError, match=f"{height}×{width} pixels.*stride, 4; .*{nearest}"):
        shuffles().encode(torch.rand(1, 3, height, width))


def test_what_is_no_batch_of_pictures_or_codes_is_refused() -> None:
    space = shuffles()
    with pytest.raises(ImageError, match=r"expected pictures \[batch, 3, height, width\], not shape \[1, 1, 8, 8\]"):
        space.encode(torch.rand(1, 1, 8, 8))
    with pytest.raises(ImageError, match="floating-point pictures"):
        space.encode(torch.zeros(1, 3, 8, 8, dtype=torch.uint8))
    with pytest.raises(ImageError, match="NaN or infinite"):
        space.encode(torch.full((1, 3, 8, 8), torch.nan))
    with pytest.raises(ImageError, match=r"expected codes \[batch, 48, height, width\], not shape \[1, 4, 8, 8\]"):
        space.decode(torch.rand(1, 4, 8, 8))


def test_modules_that_are_not_what_was_said_are_found_out() -> None:
    with pytest.raises(AugalgebraError, match=r"encoder answers with shape \[1, 48, 2, 2\] where \[1, 4, 2, 2\]"):
        shuffles(channels=4).encode(torch.rand(1, 3, 8, 8))
    with pytest.raises(AugalgebraError, match="stride=8"):
        shuffles(stride=8).encode(torch.rand(1, 3, 8, 8))
    space = ModuleSpace(lambda images: (images,), lambda codes: codes, channels=3, stride=1, name="pair")  # type: ignore[arg-type, return-value]
    with pytest.raises(AugalgebraError, match="the encoder answers with tuple"):
        space.encode(torch.rand(1, 3, 8, 8))


@pytest.mark.parametrize("settings", [{"channels": 0}, {"stride": 0}, {"scale": 0.0}, {"shift": float("nan")}])
def test_numbers_that_make_no_sense_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ParameterError, match=next(iter(settings))):
        shuffles(**settings)
