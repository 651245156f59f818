"""Tiny autoencoders from files of weights."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from augalgebra.errors import SpaceError
from augalgebra.latent import GridSpace, ModuleSpace, open_space, open_taesd

DATA = Path(os.environ.get("AUGALG_DATA", ""))
NEEDS_DATA = pytest.mark.skipif(
    not (os.environ.get("AUGALG_DATA") and (DATA / "taef2").is_dir() and (DATA / "kodak").is_dir()),
    reason="TAEF2 and the Kodak photographs are not part of this project; set AUGALG_DATA to their folder",
)

Weights = dict[str, Tensor]


def drawn(seed: int, **shapes: tuple[int, ...]) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) / 8 for name, shape in shapes.items()}


def convolution(place: str, inputs: int, outputs: int, bias: bool = True) -> dict[str, tuple[int, ...]]:
    return {f"{place}.weight": (outputs, inputs, 3, 3)} | ({f"{place}.bias": (outputs,)} if bias else {})


def block(place: int, width: int, hidden: int | None = None) -> dict[str, tuple[int, ...]]:
    shapes = {}
    for part in (0, 2, 4):
        shapes |= convolution(f"{place}.conv.{part}", width, width)
    if hidden:
        shapes |= {f"{place}.pool.0.weight": (hidden, width, 1, 1), f"{place}.pool.3.weight": (width, hidden, 1, 1)}
        shapes |= {f"{place}.pool.1.weight": (hidden,), f"{place}.pool.1.bias": (hidden,)}
    return shapes


def small_encoder(channels: int = 4, width: int = 8, hidden: int | None = None) -> Weights:
    """Two halvings, a block after each."""
    shapes = convolution("0", 3, width) | block(1, width) | convolution("2", width, width, bias=False)
    shapes |= block(3, width) | convolution("4", width, width, bias=False) | block(5, width, hidden)
    return drawn(0, **shapes, **convolution("6", width, channels))


def small_decoder(channels: int = 4, width: int = 8, hidden: int | None = None) -> Weights:
    shapes = convolution("1", channels, width) | block(3, width, hidden)
    shapes |= convolution("5", width, width, bias=False) | convolution("7", width, width, bias=False) | block(8, width)
    return drawn(1, **shapes, **convolution("9", width, 3))


def save(folder: Path, encoder: Weights, decoder: Weights) -> Path:
    folder.mkdir(exist_ok=True)
    save_file(encoder, folder / "small_encoder.safetensors")
    save_file(decoder, folder / "small_decoder.safetensors")
    return folder


def conv(weights: Weights, place: str, features: Tensor, **settings: int) -> Tensor:
    return nn.functional.conv2d(
        features, weights[f"{place}.weight"], weights.get(f"{place}.bias"), padding=1, **settings
    )


def apply_block(weights: Weights, place: int, x: Tensor) -> Tensor:
    """The block as its description says it, written once more."""
    if f"{place}.pool.0.weight" in weights:
        hidden = torch.einsum("oi,bihw->bohw", weights[f"{place}.pool.0.weight"][:, :, 0, 0], x)
        scale, shift = weights[f"{place}.pool.1.weight"], weights[f"{place}.pool.1.bias"]
        groups = hidden.unflatten(1, (4, -1))
        spread, mean = torch.var_mean(groups, dim=(2, 3, 4), keepdim=True, correction=0)
        hidden = ((groups - mean) / (spread + 1e-5).sqrt()).flatten(1, 2) * scale[:, None, None] + shift[:, None, None]
        x = x + torch.einsum("oi,bihw->bohw", weights[f"{place}.pool.3.weight"][:, :, 0, 0], hidden.relu())
    inner = x
    for part in (0, 2):
        inner = conv(weights, f"{place}.conv.{part}", inner).relu()
    return (conv(weights, f"{place}.conv.4", inner) + x).relu()


@pytest.mark.parametrize("hidden", [None, 12])
def test_a_small_autoencoder_computes_what_its_layout_says(tmp_path: Path, hidden: int | None) -> None:
    encoder, decoder = small_encoder(hidden=hidden), small_decoder(hidden=hidden)
    space = open_space(f"taesd:{save(tmp_path, encoder, decoder)}")
    assert isinstance(space, ModuleSpace)
    assert isinstance(space, GridSpace)
    assert (space.channels, space.stride, space.image_channels, space.scale, space.shift) == (4, 4, 3, 1, 0)
    assert space.spec == f"taesd:{tmp_path}"

    images = torch.rand(2, 3, 16, 24)
    x = conv(encoder, "2", apply_block(encoder, 1, conv(encoder, "0", images)), stride=2)
    x = conv(encoder, "4", apply_block(encoder, 3, x), stride=2)
    codes = conv(encoder, "6", apply_block(encoder, 5, x))
    torch.testing.assert_close(space.encode(images), codes)

    codes = 5 * codes  # so far out that they are bounded
    x = apply_block(decoder, 3, conv(decoder, "1", 3 * torch.tanh(codes / 3)).relu())
    for place in ("5", "7"):
        x = conv(decoder, place, x.repeat_interleave(2, 2).repeat_interleave(2, 3))
    torch.testing.assert_close(space.draw(codes), conv(decoder, "9", apply_block(decoder, 8, x)))


@pytest.mark.parametrize("channels", [4, 16])
def test_channels_of_codes_are_read_off_the_weights(tmp_path: Path, channels: int) -> None:
    space = open_taesd(save(tmp_path, small_encoder(channels), small_decoder(channels)))
    assert space.channels == channels
    assert space.decode(space.encode(torch.rand(1, 3, 8, 8))).shape == (1, 3, 8, 8)


def test_weights_in_half_precision_and_in_a_pth_file_give_the_same_space(tmp_path: Path) -> None:
    halves = [{name: tensor.half() for name, tensor in small().items()} for small in (small_encoder, small_decoder)]
    space = open_taesd(save(tmp_path / "safetensors", *halves))
    (tmp_path / "pth").mkdir()
    torch.save(halves[0], tmp_path / "pth/taesd_encoder.pth")
    torch.save(halves[1], tmp_path / "pth/taesd_decoder.pth")
    same = open_taesd(tmp_path / "pth")
    assert same.fingerprint() == space.fingerprint()
    images = torch.rand(1, 3, 8, 8)
    assert torch.equal(same.decode(same.encode(images)), space.decode(space.encode(images)))


def test_another_encoder_has_another_fingerprint_and_another_place_has_not(tmp_path: Path) -> None:
    one = open_taesd(save(tmp_path / "a", small_encoder(), small_decoder()))
    encoder = small_encoder()
    moved = open_taesd(save(tmp_path / "b", encoder, small_decoder()))
    encoder["6.bias"][0] += 1e-3
    other = open_taesd(save(tmp_path / "c", encoder, small_decoder()))
    assert one.fingerprint() == moved.fingerprint() != other.fingerprint()


class _Harmful:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("harm"),)


def without(key: str) -> Callable[[Weights], Weights]:
    return lambda weights: {name: tensor for name, tensor in weights.items() if name != key}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (without("5.conv.2.bias"), r"5\.conv\.2\.bias is missing"),
        (lambda w: w | {"5.skip.weight": torch.ones(1)}, r"unknown key '5\.skip\.weight'"),
        (lambda w: w | {"layers.0.weight": torch.ones(1)}, r"unknown key 'layers\.0\.weight'"),
        (lambda w: {f"encoder.{name}": tensor for name, tensor in w.items()}, r"unknown key 'encoder\."),
        (lambda w: w | {"6.weight": torch.ones(4, 9, 3, 3)}, "layer 6 takes 9 channels, but the one before answers 8"),
        (
            lambda w: w | {"0.weight": torch.ones(8, 3, 5, 5)},
            r"0\.weight has shape \[8, 3, 5, 5\], not \[out, in, 3, 3\]",
        ),
        (lambda w: w | {"1.conv.4.bias": torch.ones(9)}, r"1\.conv\.4\.bias has shape \[9\], not \[8\]"),
        (lambda w: {k: t for k, t in w.items() if not k.startswith("3.")}, "layer 3 is missing"),
        (
            lambda w: w | {"6.bias": torch.full((4,), torch.nan)},
            r"damaged \(6\.bias holds numbers that are not finite\)",
        ),
        (lambda _: {}, "it is empty"),
        (lambda _: small_encoder(hidden=10), "10 channels, no multiple of 4"),
        (lambda _: small_encoder(16), "do not belong together: .* 16 of codes, stride 4 against .* 4 of codes"),
    ],
)
def test_what_is_laid_out_otherwise_is_refused_in_one_line(
    tmp_path: Path, change: Callable[[Weights], Weights], message: str
) -> None:
    folder = save(tmp_path, change(small_encoder()), small_decoder())
    with pytest.raises(SpaceError, match=message) as raised:
        open_taesd(folder)
    assert "\n" not in str(raised.value)
    assert str(folder) in str(raised.value)


def test_an_encoder_in_the_place_of_a_decoder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="a decoder has no weights at layer 0"):
        open_taesd(save(tmp_path, small_encoder(), small_encoder()))


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpaceError, match="nowhere is missing"):
        open_taesd(tmp_path / "nowhere")
    with pytest.raises(SpaceError, match=r"holds no weights: there is no \*encoder\*\.safetensors$"):
        open_taesd(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(SpaceError, match="diffusers:FOLDER"):
        open_taesd(tmp_path)
    save(tmp_path, small_encoder(), small_decoder())
    (tmp_path / "small_decoder.safetensors").rename(tmp_path / "other_encoder.safetensors")
    with pytest.raises(SpaceError, match=r"several encoders \(other_encoder\.safetensors, small_encoder"):
        open_taesd(tmp_path)


def test_a_file_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    folder = save(tmp_path, small_encoder(), small_decoder())
    file = folder / "small_decoder.safetensors"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(SpaceError, match=r"small_decoder\.safetensors is damaged .*; download it again"):
        open_taesd(folder)


@pytest.mark.parametrize("save_pickle", [torch.save, lambda data, path: path.write_bytes(pickle.dumps(data))])
def test_a_pickle_of_more_than_weights_is_refused_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save_pickle: Callable[[object, Path], object]
) -> None:
    monkeypatch.chdir(tmp_path)
    save_pickle({"0.weight": _Harmful()}, tmp_path / "taesd_encoder.pth")
    torch.save(small_decoder(), tmp_path / "taesd_decoder.pth")
    with pytest.raises(SpaceError, match="is a pickle of more than weights"):
        open_taesd(tmp_path)
    assert not (tmp_path / "harm").exists()


@NEEDS_DATA
def test_taef2_reconstructs_photographs() -> None:
    space = open_space(f"taesd:{DATA / 'taef2'}")
    assert isinstance(space, ModuleSpace)
    assert (space.channels, space.stride) == (32, 8)
    with Image.open(DATA / "kodak/23.png") as picture:
        pixels = torch.from_numpy(np.asarray(picture).copy()).permute(2, 0, 1)[None] / 255
    crops = torch.cat([pixels[..., 128:384, 128:384], pixels[..., 128:384, 384:640]])
    with torch.no_grad():
        errors = (space.decode(space.encode(crops)) - crops).square().flatten(1).mean(1)
    decibels = -10 * errors.log10().mean()
    assert 29 < decibels < 34
    encoder = load_file(DATA / "taef2/taef2_encoder.safetensors")
    assert sum(tensor.numel() for tensor in space.encoder.state_dict().values()) == sum(
        map(Tensor.numel, encoder.values())
    )
