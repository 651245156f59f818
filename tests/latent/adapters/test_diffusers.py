"""Autoencoders of diffusers, small ones that each test saves by itself."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from augalgebra.errors import ImageError, SpaceError
from augalgebra.latent import GridSpace, ModuleSpace, open_diffusers, open_space

diffusers = pytest.importorskip("diffusers")
WEIGHTS = "diffusion_pytorch_model"


@pytest.fixture(scope="module")
def kl() -> Any:
    torch.manual_seed(0)
    return diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 8),
        norm_num_groups=4,
        latent_channels=5,
        scaling_factor=0.5,
        shift_factor=0.25,
    ).eval()


@pytest.fixture(scope="module")
def saved(kl: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kl")
    kl.save_pretrained(folder)
    return folder


@pytest.fixture
def folder(saved: Path, tmp_path: Path) -> Path:
    """A folder that a test may damage."""
    return Path(shutil.copytree(saved, tmp_path / "kl"))


def open_grid(spec: str) -> ModuleSpace:
    space = open_space(spec)
    assert isinstance(space, ModuleSpace)
    return space


def test_a_kl_autoencoder_gives_means_and_pictures_from_0_to_1(kl: Any, saved: Path) -> None:
    space = open_grid(f"diffusers:{saved}")
    assert isinstance(space, GridSpace)
    assert (space.channels, space.stride, space.image_channels, space.scale, space.shift) == (5, 4, 3, 0.5, 0.25)
    images = torch.rand(2, 3, 16, 24)
    with torch.no_grad():
        means = kl.encode(2 * images - 1).latent_dist.mean
        drawn = (kl.decode(means).sample + 1) / 2
    codes = space.encode(images)
    assert codes.shape == (2, 5, 4, 6)
    torch.testing.assert_close(codes, means)
    torch.testing.assert_close(space.draw(means), drawn, atol=1e-5, rtol=1e-5)
    assert torch.equal(space.decode(codes), space.draw(codes).clamp(0, 1))
    with pytest.raises(ImageError, match="16×20 or 20×24"):
        space.encode(torch.rand(1, 3, 18, 22))


def test_moments_are_mean_and_log_variance(kl: Any, saved: Path) -> None:
    space, means = open_grid(f"diffusers-moments:{saved}"), open_grid(f"diffusers:{saved}")
    images = torch.rand(2, 3, 16, 24)
    moments = space.encode(images)
    with torch.no_grad():
        torch.testing.assert_close(moments, kl.encode(2 * images - 1).latent_dist.parameters)
    assert space.channels == 10
    torch.testing.assert_close(space.decode(moments), means.decode(means.encode(images)))
    assert space.fingerprint() != means.fingerprint()


def test_the_tiny_autoencoder_is_read_too(tmp_path: Path) -> None:
    torch.manual_seed(0)
    blocks = {"num_encoder_blocks": (1, 1), "num_decoder_blocks": (1, 1)}
    widths = {"encoder_block_out_channels": (8, 8), "decoder_block_out_channels": (8, 8)}
    tiny = diffusers.AutoencoderTiny(latent_channels=6, **blocks, **widths).eval()
    tiny.save_pretrained(tmp_path)
    space = open_grid(f"diffusers:{tmp_path}")
    assert (space.channels, space.stride, space.scale, space.shift) == (6, 2, 1, 0)
    images = torch.rand(2, 3, 8, 6)
    with torch.no_grad():
        codes = tiny.encode(2 * images - 1).latents
        drawn = (tiny.decode(codes).sample + 1) / 2
    torch.testing.assert_close(space.encode(images), codes)
    torch.testing.assert_close(space.draw(codes), drawn)
    with pytest.raises(SpaceError, match="AutoencoderTiny, which answers one code and no moments; open it as"):
        open_diffusers(tmp_path, moments=True)


@pytest.mark.filterwarnings("default")
def test_weights_are_found_in_a_pipeline_in_half_precision_in_shards_and_as_bin(
    kl: Any, saved: Path, tmp_path: Path
) -> None:
    fingerprint = open_diffusers(saved).fingerprint()
    shutil.copytree(saved, tmp_path / "pipeline/vae")
    assert open_diffusers(tmp_path / "pipeline").fingerprint() == fingerprint
    kl.save_pretrained(tmp_path / "shards", max_shard_size="10KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    assert open_diffusers(tmp_path / "shards").fingerprint() == fingerprint
    kl.save_pretrained(tmp_path / "bin", safe_serialization=False)
    assert open_diffusers(tmp_path / "bin").fingerprint() == fingerprint
    kl.save_pretrained(tmp_path / "half", variant="fp16")
    assert [path.name for path in (tmp_path / "half").glob("*.safetensors")] == [f"{WEIGHTS}.fp16.safetensors"]
    assert open_diffusers(tmp_path / "half").fingerprint() == fingerprint


def test_a_name_is_looked_up_on_the_hub(saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As far as that goes without a network: from what was downloaded before."""
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    missing = "no folder somebody/vae, and the autoencoder somebody/vae on the hub cannot be opened"
    with pytest.raises(SpaceError, match=missing) as raised:
        open_space("diffusers:somebody/vae")
    assert "\n" not in str(raised.value)

    commit, repository = "0" * 40, tmp_path / "models--somebody--vae"
    shutil.copytree(saved, repository / "snapshots" / commit)
    (repository / "refs").mkdir()
    (repository / "refs/main").write_text(commit)
    space = open_grid("diffusers:somebody/vae")
    assert (space.spec, space.fingerprint()) == ("diffusers:somebody/vae", open_diffusers(saved).fingerprint())


class _Harmful:
    def __reduce__(self) -> Any:
        return Path.touch, (Path("harm"),)


def rewrite(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        weights = load_file(folder / f"{WEIGHTS}.safetensors")
        change(weights)
        save_file(weights, folder / f"{WEIGHTS}.safetensors")

    return damage


def configure(**values: object) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | values))

    return damage


def cut_off(folder: Path) -> None:
    file = folder / f"{WEIGHTS}.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def pickle_something(folder: Path) -> None:
    (folder / f"{WEIGHTS}.safetensors").unlink()
    torch.save({"encoder.conv_in.bias": _Harmful()}, folder / f"{WEIGHTS}.bin")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / f"{WEIGHTS}.safetensors").unlink(), f"holds no weights: there is no {WEIGHTS}"),
        (lambda folder: (folder / "config.json").unlink(), r"neither config\.json nor vae/config\.json is there"),
        (lambda folder: (folder / "config.json").write_text("{"), "cannot be opened .*not a valid JSON"),
        (configure(_class_name="UNet2DModel"), "is UNet2DModel; only AutoencoderKL and AutoencoderTiny are read"),
        (configure(layers_per_block="two"), "cannot be opened"),
        (rewrite(lambda w: w.pop("encoder.conv_in.bias")), r"do not fit.*missing_keys: encoder\.conv_in\.bias"),
        (rewrite(lambda w: w.update(extra=torch.ones(1))), r"do not fit.*unexpected_keys: extra"),
        (rewrite(lambda w: w.update({"encoder.conv_in.bias": torch.ones(9)})), r"size mismatch for encoder\.conv_in"),
        (rewrite(lambda w: w["encoder.conv_in.bias"].fill_(torch.nan)), r"damaged \(encoder\.conv_in\.bias holds"),
        (cut_off, "cannot be opened"),
        (pickle_something, r"cannot be opened .*a \.bin is read only if it holds nothing but weights"),
    ],
)
def test_a_damaged_folder_is_refused_in_one_line(
    folder: Path, damage: Callable[[Path], object], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    damage(folder)
    with pytest.raises(SpaceError, match=message) as raised:
        open_diffusers(folder)
    assert "\n" not in str(raised.value)
    assert str(folder) in str(raised.value)
    assert not (folder / "harm").exists()


def test_without_the_package_it_is_said_what_to_install(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "diffusers", None)
    with pytest.raises(SpaceError, match=r"needs the package diffusers .*pip install 'augalgebra\[diffusers\]'"):
        open_diffusers(saved)


def test_a_folder_that_is_missing_is_not_looked_up_on_the_hub(tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", "./nowhere", "nowhere"):
        with pytest.raises(SpaceError, match="nowhere is missing; give the autoencoder's folder"):
            open_diffusers(place)
