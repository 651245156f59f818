"""Second copies against an operator: measured, dropped where it replaces them, kept where it does not."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cached_codes import SPACE, build_registry, draw_pictures, encode, scaled_space, write_sd_scripts
from grid_spaces import patch_space
from safetensors.torch import load_file, save_file

from augalgebra.caches.cache import Cache
from augalgebra.caches.comparing import check_scaling, strip_cache, verify_cache
from augalgebra.caches.moving import Scaling
from augalgebra.errors import DataError, ImageError, MissingOperatorError

REGISTRY = build_registry("flip_lr")
PICTURES = draw_pictures(4)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    write_sd_scripts(tmp_path / "cache", PICTURES)
    return tmp_path / "cache"


def spoil(path: Path, by: float) -> None:
    arrays = dict(np.load(path))
    noise = np.random.default_rng(0).normal(size=arrays["latents"].shape).astype(np.float32)
    np.savez(path, **arrays | {"latents_flipped": arrays["latents_flipped"] + by * noise})


def test_an_exact_operator_agrees_and_a_plain_flip_does_not(cache: Path) -> None:
    report = verify_cache(Cache.open(cache), REGISTRY, SPACE)
    assert not report.below
    assert report.mean("error") == pytest.approx(0, abs=1e-5)
    assert report.mean("plain") > 0.1
    assert report.mean("lost") == pytest.approx(0, abs=0.1)
    assert report.worst > 60


def test_decibels_are_those_of_what_is_drawn(cache: Path) -> None:
    name = "p2_0048x0032_sd.npz"
    spoil(cache / name, 0.1)
    (file,) = [item for item in verify_cache(Cache.open(cache), REGISTRY, SPACE).files if item.file == name]
    arrays = np.load(cache / name)
    moved = REGISTRY.operator("flip_lr").apply(torch.from_numpy(arrays["latents"])[None])
    drawn = [
        SPACE.decode(codes)[0].detach().numpy() for codes in (torch.from_numpy(arrays["latents_flipped"])[None], moved)
    ]
    expected = -10 * np.log10(np.square(drawn[0] - drawn[1]).mean())
    assert file.agreement == pytest.approx(expected, abs=1e-3)
    truth = SPACE.decode(torch.from_numpy(arrays["latents"])[None])[0].detach().numpy()[..., ::-1]
    decibels = [-10 * np.log10(np.square(truth - item).mean()) for item in drawn]
    assert file.lost == pytest.approx(decibels[0] - min(decibels[1], 100), abs=1e-3)


def test_copies_that_are_replaced_go_and_others_stay(cache: Path) -> None:
    spoil(cache / "p1_0048x0032_sd.npz", 1.0)
    before = {path.name: dict(np.load(path)) for path in cache.iterdir()}
    report = strip_cache(Cache.open(cache), REGISTRY, SPACE)
    assert [file.file for file in report.report.below] == ["p1_0048x0032_sd.npz"]
    assert len(report.stripped) == 3
    assert report.bytes_after < report.bytes_before
    for name, arrays in before.items():
        now = np.load(cache / name)
        kept = set(arrays) if name.startswith("p1") else set(arrays) - {"latents_flipped"}
        assert set(now) == kept
        assert all(np.array_equal(now[key], arrays[key]) for key in kept)
    assert strip_cache(Cache.open(cache), REGISTRY, SPACE, bar=0.0).stripped == ("p1_0048x0032_sd.npz",)


def test_without_the_autoencoder_codes_are_judged(cache: Path) -> None:
    spoil(cache / "p1_0048x0032_sd.npz", 1.0)
    report = verify_cache(Cache.open(cache), REGISTRY)
    assert not report.drawn
    assert report.mean("agreement") is None
    assert [file.file for file in report.below] == ["p1_0048x0032_sd.npz"]


def test_a_shard_is_judged_by_some_of_its_pictures(tmp_path: Path) -> None:
    codes, flipped = (torch.from_numpy(encode(item)) for item in (PICTURES, PICTURES.flip(-1)))
    flipped[1::2] += 1.0  # those that are not looked at
    tensors = {"latents": codes, "latents_flip": flipped, "labels": torch.arange(4)}
    save_file(tensors, tmp_path / "a.safetensors", metadata={"total_size": "4"})
    cache = Cache.open(tmp_path)
    assert verify_cache(cache, REGISTRY).below
    (file,) = verify_cache(cache, REGISTRY, samples=2).files
    assert (file.pictures, round(file.error, 4)) == (2, 0)
    strip_cache(cache, REGISTRY, samples=2)
    assert sorted(load_file(tmp_path / "a.safetensors")) == ["labels", "latents"]


def test_what_cannot_be_verified_is_refused(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(MissingOperatorError, match="no operator for flip_lr"):
        verify_cache(Cache.open(cache), build_registry("rotate_cw^2"))
    write_sd_scripts(tmp_path / "single", PICTURES, flipped=False)
    with pytest.raises(DataError, match="has no second copies"):
        verify_cache(Cache.open(tmp_path / "single"), REGISTRY)


def test_stripped_again_a_cache_stays_as_it_is(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "single", PICTURES, flipped=False)
    before = {path.name: path.read_bytes() for path in (tmp_path / "single").iterdir()}
    assert strip_cache(Cache.open(tmp_path / "single"), REGISTRY).stripped == ()
    assert {name: (tmp_path / "single" / name).read_bytes() for name in before} == before


def test_codes_that_are_taken_for_what_they_are_not_are_found(cache: Path, tmp_path: Path) -> None:
    space = scaled_space(0.2, 0.5)  # which draws and encodes raw codes again as they are
    raw, scaled = Cache.open(cache), Scaling(0.2, 0.5)
    check_scaling(raw, space, Scaling())
    with pytest.raises(DataError, match="leave out --scaled"):
        check_scaling(raw, space, scaled)
    for number, codes in enumerate(encode(PICTURES)):
        np.save(tmp_path / f"{number}.npy", (codes - 0.5) * 0.2)
    kept = Cache.open(tmp_path / "0.npy")
    check_scaling(kept, space, scaled)
    with pytest.raises(DataError, match="say --scaled"):
        check_scaling(kept, space, Scaling())


def test_codes_that_draw_nothing_that_encodes_to_them_are_remarked_on(cache: Path, tmp_path: Path) -> None:
    assert check_scaling(Cache.open(cache), SPACE, Scaling()) == ""
    noise = np.random.default_rng(0).normal(size=encode(PICTURES).shape).astype(np.float32)
    np.save(tmp_path / "noise.npy", 30 * noise)  # pictures are clamped, so that little of them comes back
    assert "may be of another autoencoder" in check_scaling(Cache.open(tmp_path / "noise.npy"), SPACE, Scaling())


def test_numbers_that_are_none_are_left_to_what_names_their_file(tmp_path: Path) -> None:
    codes = encode(PICTURES)
    codes[1, 0, 0, 0] = np.nan
    np.save(tmp_path / "a.npy", codes)
    for space in (SPACE, scaled_space(0.2, 0.5)):
        assert check_scaling(Cache.open(tmp_path / "a.npy"), space, Scaling()) == ""


@pytest.mark.parametrize("samples", [3, 4, 1000])
def test_as_many_pictures_are_compared_as_asked_for_or_all(tmp_path: Path, samples: int) -> None:
    np_codes, flipped = encode(PICTURES), encode(PICTURES.flip(-1))
    tensors = {"latents": torch.from_numpy(np_codes), "latents_flip": torch.from_numpy(flipped)}
    save_file(tensors, tmp_path / "a.safetensors", metadata={"total_size": "4"})
    (file,) = verify_cache(Cache.open(tmp_path), REGISTRY, samples=samples).files
    assert file.pictures == min(samples, 4)


def test_copies_whose_squares_no_float_holds_are_below_the_bar(tmp_path: Path) -> None:
    codes = torch.from_numpy(encode(PICTURES)) * 1e25
    save_file({"latents": codes, "latents_flip": 0.1 * codes.flip(-1)}, tmp_path / "a.safetensors")
    report = strip_cache(Cache.open(tmp_path), REGISTRY)
    assert report.stripped == ()
    assert len(report.report.below) == 1
    json.dumps(report.report.to_dict(), allow_nan=False)


def test_codes_that_float32_does_not_hold_are_told_and_kept(tmp_path: Path) -> None:
    codes = torch.from_numpy(encode(PICTURES)).double()
    save_file({"latents": codes, "latents_flip": 1e39 * codes.flip(-1)}, tmp_path / "a.safetensors")
    with pytest.raises(ImageError, match=r"a\.safetensors: these codes are NaN or infinite"):
        strip_cache(Cache.open(tmp_path), REGISTRY)
    assert sorted(load_file(tmp_path / "a.safetensors")) == ["latents", "latents_flip"]


def test_pictures_that_are_no_numbers_are_no_agreement(cache: Path) -> None:
    broken = patch_space()
    broken.decode = lambda codes: torch.full((len(codes), 3, 16, 24), torch.nan)  # type: ignore[method-assign]
    with pytest.raises(ImageError, match="what is drawn of these codes is NaN or infinite"):
        strip_cache(Cache.open(cache), REGISTRY, broken)
    assert all("latents_flipped" in np.load(path) for path in cache.iterdir())


def test_a_crop_stays_as_it_is_where_copies_are_dropped(cache: Path) -> None:
    path = cache / "p0_0048x0032_sd.npz"
    beyond = np.array([-3, 2, 30, 12])
    np.savez(path, **dict(np.load(path)) | {"crop_ltrb": beyond})
    strip_cache(Cache.open(cache), REGISTRY)
    assert "latents_flipped" not in np.load(path)
    assert np.array_equal(np.load(path)["crop_ltrb"], beyond)


def test_a_link_to_a_file_stays_one(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "real", PICTURES[:1])
    (tmp_path / "cache").mkdir()
    (real,) = (tmp_path / "real").iterdir()
    link = tmp_path / "cache" / real.name
    link.symlink_to(real)
    strip_cache(Cache.open(tmp_path / "cache"), REGISTRY)
    assert link.is_symlink()
    assert "latents_flipped" not in np.load(real)
