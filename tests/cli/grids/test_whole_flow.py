"""From somebody's autoencoder to operators, answers, moved pictures and a page: a small one of diffusers, and TAEF2."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from grid_spaces import save_photographs
from PIL import Image

Program = Callable[..., "Done"]  # type: ignore[name-defined]  # noqa: F821 (of tests/conftest.py)

DATA = Path(os.environ.get("AUGALG_DATA") or "nowhere")


def save_kl(folder: Path) -> Path:
    """A small AutoencoderKL with random weights, saved as its library does."""
    diffusers = pytest.importorskip("diffusers")
    torch.manual_seed(0)
    diffusers.AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(8, 8, 8),
        norm_num_groups=4,
        latent_channels=4,
    ).save_pretrained(folder)
    return folder


def follow(program: Program, folder: Path, space: str, data: Path, making: list[str], stride: int) -> None:
    """Make operators of a flip and a quarter turn, and ask all that a run can be asked."""
    made = program("operators", "run", "--space", space, "--data", str(data), "--augs", "flip_lr,rotate_cw", *making)
    assert made.code == 0, made.err
    assert made.out.splitlines()[-1] == "The run is in run"
    shown = program("operators", "run", "--json").data
    assert (len(shown["operators"]), shown["stride"]) == (7, stride)

    checked = program("check", "run", "--max-length", "2", "--images", "2", "--json")
    assert checked.code == 0, checked.err
    assert len(checked.data["words"]) == 7
    for word in checked.data["words"]:
        ways = {way: quality["psnr"] for way, quality in word["ways"].items()}
        assert set(ways) == {"operator", "plain", "round trip", "floor", "identity"}
        assert word["worst_crop"]["psnr"] <= ways["operator"]
    composed = program("compose", "rotate_cw^3 * flip_lr", "--model", "run", "--images", "2", "--json")
    assert composed.code == 0, composed.err
    assert composed.data["measured"]["score"]["operator"] == "flip_lr * rotate_cw"
    equal = program(
        "equal", "flip_lr * rotate_cw", "rotate_cw^3 * flip_lr", "--model", "run", "--images", "2", "--json"
    )
    assert equal.data["equal"] is True
    assert equal.data["measured"]["bar_db"] is not None
    pixels = np.random.default_rng(0).integers(0, 256, (8 * stride, 6 * stride, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "a.png")
    moved = program("apply", "run", "rotate_cw", "a.png", "--out", "moved", "--json")
    assert moved.code == 0, moved.err
    assert np.asarray(Image.open(folder / "moved/a.png")).shape == (6 * stride, 8 * stride, 3)
    report = program("report", "run", "--images", "1", "--json")
    assert report.code == 0, report.err
    assert report.data["measured"] is True
    page = (folder / "run/report.html").read_text()
    assert page.count('class="slider"') == 7
    assert "lowest share" in page


def test_a_small_autoencoder_of_diffusers(program: Program, tmp_path: Path) -> None:
    save_kl(tmp_path / "vae")
    photographs = save_photographs(tmp_path / "photographs")
    making = ["--kernel", "3", "--size", "64", "--crops", "8", "--budget", "2s", "--images", "2"]
    follow(program, tmp_path, "diffusers:vae", photographs, making, 4)
    (tmp_path / "vae/diffusion_pytorch_model.safetensors").unlink()
    lost = program("check", "run", "--images", "1")
    assert (lost.code, lost.err.count("\n")) == (2, 1)
    assert "holds no weights" in lost.err


@pytest.mark.skipif(
    not (DATA / "taef2").is_dir() or not (DATA / "kodak").is_dir(), reason="AUGALG_DATA has no taef2 and kodak"
)
def test_taef2_and_photographs(program: Program, tmp_path: Path) -> None:
    making = ["--kernel", "3", "--size", "64", "--crops", "16", "--budget", "2s", "--images", "2"]
    follow(program, tmp_path, f"taesd:{DATA / 'taef2'}", DATA / "kodak", making, 8)
