"""``augalg latents``: what it says, its exit codes, and what it writes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from cached_codes import draw_pictures, encode, move_pictures, write_sd_scripts
from conftest import Done
from grid_spaces import know_waves, save_photographs
from safetensors.torch import save_file

import augalgebra as aa
from augalgebra.runs import make_grid_run
from augalgebra.training.grids.settings import GridSettings

PICTURES = draw_pictures(3)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with operators of the symmetries of the square on an autoencoder that has exact ones."""
    root = tmp_path_factory.mktemp("made")
    settings = GridSettings(fit="kernel", kernel=1, size=32, crops=40)
    with pytest.MonkeyPatch.context() as patch:
        know_waves(patch)
        photographs = save_photographs(root / "photographs")
        make_grid_run(root / "run", "waves:right", photographs, ["flip_lr", "rotate_cw"], settings, aa.load_catalog())
    return root / "run"


@pytest.fixture
def place(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    know_waves(monkeypatch)
    shutil.copytree(made, tmp_path / "run")
    write_sd_scripts(tmp_path / "cache", PICTURES)
    (tmp_path / "cache/p0.txt").write_text("seen from the left")
    return tmp_path


def test_what_is_in_a_cache(program: Callable[..., Done], tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", PICTURES)
    done = program("latents", "info", "cache")
    assert (done.code, done.err) == (0, "")
    assert "sd-scripts (kohya-ss/sd-scripts)" in done.out
    assert "3 of 27×2×3" in done.out
    wrong = program("latents", "info", "nothing")
    assert (wrong.code, wrong.err) == (2, "error: there is no file and no folder nothing\n")


def test_a_cache_is_moved_and_moved_on(place: Path, program: Callable[..., Done]) -> None:
    done = program("latents", "move", "cache", "rotate_cw", "--model", "run", "--out", "moved", "--json")
    assert done.code == 0, done.err
    assert (done.data["files_written"], done.data["words"]) == (3, ["rotate_cw"])
    assert "1 caption with left or right in it, such as cache/p0.txt" in done.err
    codes = np.load(place / "moved/p0_0032x0048_sd.npz")["latents"]
    np.testing.assert_allclose(codes, encode(move_pictures(PICTURES[:1], "rotate_cw"))[0], atol=1e-2)
    again = program("latents", "move", "cache", "rotate_cw", "--model", "run", "--out", "moved")
    assert "no files of the cache written to moved; 3 were whole before" in again.out
    described = program("latents", "info", "moved", "--json")
    assert described.data["record"]["words"] == ["rotate_cw"]
    assert described.data["sizes"] == [{"shape": [27, 3, 2], "pictures": 3}]


def test_every_element_is_written(place: Path, program: Callable[..., Done]) -> None:
    done = program(
        "latents", "augment", "cache", "flip_lr", "rotate_cw", "--model", "run", "--out", "all", "--jobs", "2"
    )
    assert done.code == 0, done.err
    assert len(list((place / "all").glob("*.npz"))) == 3 * 4


def test_copies_are_verified_and_stripped(place: Path, program: Callable[..., Done]) -> None:
    good = program("latents", "verify", "cache", "--model", "run", "--json")
    assert (good.code, good.data["below"]) == (0, [])
    assert good.data["drawn"] is True
    path = place / "cache/p1_0048x0032_sd.npz"
    arrays = dict(np.load(path))
    np.savez(path, **arrays | {"latents_flipped": arrays["latents_flipped"] + 1})
    bad = program("latents", "verify", "cache", "--model", "run")
    assert bad.code == 1
    assert "below the bar of 25 dB of what is drawn:\n  p1_0048x0032_sd.npz:" in bad.out
    stripped = program("latents", "strip", "cache", "--model", "run")
    assert stripped.code == 1
    assert "second copies dropped from 2 files" in stripped.out
    assert "lost" in stripped.out
    assert "latents_flipped" in np.load(path)
    assert program("latents", "strip", "cache", "--model", "run", "--bar", "-20").code == 0
    assert "latents_flipped" not in np.load(path)


def test_scaled_codes_are_not_taken_for_raw_ones_where_the_autoencoder_is_missing(
    made: Path, tmp_path: Path, program: Callable[..., Done]
) -> None:
    shutil.copytree(made, tmp_path / "run")
    (tmp_path / "cache").mkdir()
    save_file({"latent": torch.from_numpy(encode(PICTURES[:1]))[0]}, tmp_path / "cache" / "a.safetensors")
    done = program("latents", "move", "cache", "flip_lr", "--model", "run", "--out", "moved")
    assert (done.code, done.out) == (2, "")
    assert "codes of ai-toolkit are scaled, and only the autoencoder knows by how much: " in done.err
    assert not (tmp_path / "moved").exists()


def test_what_is_wrong_is_one_line(place: Path, program: Callable[..., Done]) -> None:
    for arguments, said in (
        (["move", "cache", "invert", "--model", "run", "--out", "x"], "no operator for invert"),
        (["move", "cache", "flip_lr", "--model", "nowhere", "--out", "x"], "nowhere"),
        (["move", "cache", "flip_lr", "--model", "run", "--out", "x", "--scaled"], "--scaled has no effect"),
        (
            ["move", "cache", "flip_lr", "--model", "run", "--out", "x", "--space", "waves:wrong"],
            "waves:wrong is not the",
        ),
        (["verify", "cache", "--model", "run", "--bar", "nan"], "nan"),
    ):
        done = program("latents", *arguments)
        assert done.code == 2, done
        assert said in done.err
        assert "Traceback" not in done.err
    assert not (place / "x").exists()


def test_without_the_autoencoder_codes_are_compared(
    place: Path, program: Callable[..., Done], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()  # no such autoencoder is known any more
    monkeypatch.chdir(place)
    done = program("latents", "verify", "cache", "--model", "run", "--json")
    assert (done.code, done.data["drawn"]) == (0, False), done.err
    assert "codes are compared, and nothing is drawn" in done.err
