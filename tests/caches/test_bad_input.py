"""What is wrong with a cache is one line that says what and what to do, and nothing is written."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from cached_codes import build_registry, draw_pictures, encode, write_sd_scripts
from safetensors.torch import save_file

from augalgebra.caches.cache import Cache
from augalgebra.caches.inspection import describe_cache
from augalgebra.caches.moving import Scaling, augment_cache, move_cache
from augalgebra.errors import AugalgebraError, DataError, ImageError, MissingOperatorError
from augalgebra.operators.grids.registry import GridRegistry

REGISTRY = build_registry("flip_lr")
PICTURES = draw_pictures(2)
CODES = encode(PICTURES)


def npz(folder: Path, **arrays: object) -> Path:
    np.savez(folder / "a.npz", **arrays)
    return folder


def shard(folder: Path, **arrays: torch.Tensor) -> Path:
    save_file(arrays, folder / "a.safetensors")
    return folder


def test_formats_are_told_apart_or_not_guessed(tmp_path: Path) -> None:
    for arrays, said in (
        ({"latents": CODES[0], "moments": CODES[0]}, "could be of the formats sd-scripts and MAR"),
        ({"latent": CODES[0]}, r"holds latent, and codes in such a file are called .*; did you mean latents\?"),
        ({"latents": CODES[0], "hidden": CODES[0]}, "'hidden', which sd-scripts does not keep .* --carry hidden"),
        ({"latents": CODES[0], "latents_flipped": CODES[0][:, :1]}, "a copy has the same, so encode"),
        ({"latents_9x9": CODES[0]}, "latents_9x9 has the shape .*, other than its name says"),
        ({"latents": CODES[0, 0]}, r"latents has the shape \[2, 3\], not \[channel, height, width\]"),
        ({"latents": CODES[0].astype(np.int64)}, "latents holds int64, and codes are floating numbers"),
        ({"latents": CODES[0], "crop_ltrb": np.zeros(3)}, r"crop_ltrb has the shape \[3\], not \[4\]"),
        ({"moments": CODES[0]}, "moments has 27 channels; as many are means as log variances"),
    ):
        with pytest.raises(DataError, match=said):
            describe_cache(Cache.open(npz(tmp_path, **arrays)))
    described = describe_cache(Cache.open(npz(tmp_path, latents=CODES[0], hidden=CODES[0]), ["hidden"]))
    assert described.pictures == 1


def test_folders_of_several_formats_or_of_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file and no folder"):
        Cache.open(tmp_path / "nothing")
    (tmp_path / "aggregate.pt").write_bytes(pickle.dumps(CODES))
    with pytest.raises(DataError, match=r"aggregate\.pt is a pickle, which is never read"):
        Cache.open(tmp_path)
    with pytest.raises(DataError, match="pickles are never read"):
        Cache.open(tmp_path / "aggregate.pt")
    npz(tmp_path, latents=CODES[0])
    np.savez(tmp_path / "b.npz", moments=np.zeros((4, 2, 2), np.float32))
    with pytest.raises(DataError, match=r"files of sd-scripts .* and of MAR"):
        describe_cache(Cache.open(tmp_path))
    np.save(tmp_path / "c.npy", CODES)
    with pytest.raises(DataError, match="of different formats"):
        Cache.open(tmp_path)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return Path.touch, (tmp_path / "sprung",)

    objects = np.array([Trap()], dtype=object)
    np.save(tmp_path / "a.npy", objects)
    with pytest.raises(AugalgebraError, match="Python objects, which are never unpickled"):
        Cache.open(tmp_path / "a.npy")
    with pytest.raises(AugalgebraError, match="Python objects, which are never unpickled"):
        Cache.open(npz(tmp_path, latents=objects) / "a.npz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("suffix", ["npz", "npy", "safetensors"])
def test_a_file_that_is_cut_off_is_named_and_those_before_it_stay(tmp_path: Path, suffix: str) -> None:
    cache, out = tmp_path / "cache", tmp_path / "out"
    cache.mkdir()
    for name in "ab":
        path = cache / f"{name}.{suffix}"
        if suffix == "npz":
            np.savez(path, latents=CODES[0])
        elif suffix == "npy":
            np.save(path, CODES)
        else:
            save_file({"latents": torch.from_numpy(CODES)}, path)
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(AugalgebraError, match=rf"b\.{suffix}"):
        move_cache(Cache.open(cache), "flip_lr", REGISTRY, out)
    assert [item.name for item in out.iterdir() if item.suffix == f".{suffix}"] == [f"a.{suffix}"]


def test_numbers_that_are_none_are_counted_and_not_moved(tmp_path: Path) -> None:
    spoilt = CODES.copy()
    spoilt[1, 0, 0] = [np.nan, np.inf, -np.inf]
    cache = tmp_path / "cache"
    cache.mkdir()
    np.save(cache / "a.npy", spoilt)
    assert describe_cache(Cache.open(cache)).not_finite == {"a.npy": 3}
    with pytest.raises(ImageError, match=r"a\.npy: the array, pictures 0 to 1: these codes are NaN or infinite"):
        move_cache(Cache.open(cache / "a.npy"), "flip_lr", REGISTRY, tmp_path / "out")


@pytest.mark.parametrize("scaling", [Scaling(), Scaling(2.0, 0.0)])
def test_codes_too_large_for_their_type_are_refused(tmp_path: Path, scaling: Scaling) -> None:
    registry = build_registry("flip_lr")
    for entry in registry.entries.values():
        entry.map.local.weight *= 1e5
    (tmp_path / "cache").mkdir()
    np.save(tmp_path / "cache/a.npy", CODES.astype(np.float16))
    with pytest.raises(ImageError, match="too large for float16"):
        move_cache(Cache.open(tmp_path / "cache"), "flip_lr", registry, tmp_path / "out", scaling=scaling)


def test_codes_of_another_autoencoder_are_refused(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    npz(cache, latents=CODES[0][:4])
    with pytest.raises(ImageError, match="another autoencoder"):
        move_cache(Cache.open(cache), "flip_lr", REGISTRY, tmp_path / "out")
    npz(cache, latents=CODES[0], alpha_mask=np.ones((8, 12), np.float32))  # a stride of 4
    with pytest.raises(DataError, match=r"8×12 pixels and the grid 2×3 positions; the stride .* is 8"):
        move_cache(Cache.open(cache), "flip_lr", REGISTRY, tmp_path / "out2")
    npz(cache, latents=CODES[0])
    move_cache(Cache.open(cache), "flip_lr", REGISTRY, tmp_path / "moved")
    other = GridRegistry(REGISTRY.channels, REGISTRY.stride, "f" * 64, REGISTRY.catalog)
    with pytest.raises(DataError, match="operators of another autoencoder"):
        move_cache(Cache.open(tmp_path / "moved"), "flip_lr", other, tmp_path / "out3")
    with pytest.raises(DataError, match="taken for raw codes"):
        move_cache(Cache.open(tmp_path / "moved"), "flip_lr", REGISTRY, tmp_path / "out3", scaling=Scaling(0.5))


def test_words_without_an_operator_and_those_that_the_stride_forbids_are_refused(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", PICTURES)
    cache = Cache.open(tmp_path / "cache")
    for word in ("rotate_cw", "roll(3, 0)"):
        with pytest.raises(MissingOperatorError, match=r"no operator for (rotate_cw|roll\(3, 0\))"):
            move_cache(cache, word, REGISTRY, tmp_path / "out")
    with pytest.raises(MissingOperatorError, match=r"moves by 3 pixels; on this grid only multiples of 8 do"):
        move_cache(cache, "roll(3, 0)", REGISTRY, tmp_path / "out")
    with pytest.raises(MissingOperatorError):
        augment_cache(cache, ["rotate_cw"], REGISTRY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_cache_itself_and_folders_of_others_are_not_written_to(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", PICTURES)
    cache = Cache.open(tmp_path / "cache")
    for out in (tmp_path / "cache", tmp_path / "cache/moved", tmp_path):
        with pytest.raises(AugalgebraError, match="name another folder with --out"):
            move_cache(cache, "flip_lr", REGISTRY, out)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(DataError, match="is not empty"):
        move_cache(cache, "flip_lr", REGISTRY, tmp_path / "mine")
    move_cache(cache, "flip_lr", REGISTRY, tmp_path / "out")
    with pytest.raises(DataError, match="made in another way"):
        augment_cache(cache, ["flip_lr"], REGISTRY, tmp_path / "out")
    with pytest.raises(AugalgebraError, match="unknown"):
        move_cache(cache, "flip_rl", REGISTRY, tmp_path / "out2")


def test_captions_that_a_flip_makes_wrong_are_found(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path, PICTURES)
    (tmp_path / "p0.txt").write_text("a cat looks to the Left")
    (tmp_path / "p1.txt").write_text("leftovers on a plate, brightly lit")
    found = describe_cache(Cache.open(tmp_path))
    assert (found.captions, found.example) == (1, tmp_path / "p0.txt")


@pytest.mark.parametrize("spoil", ["empty", "archive", "scalar", "half"])
def test_an_npy_that_is_none_is_told_with_its_name(tmp_path: Path, spoil: str) -> None:
    path = tmp_path / "a.npy"
    if spoil == "archive":
        with path.open("wb") as file:
            np.savez(file, CODES)
    else:
        np.save(path, np.float32(1) if spoil == "scalar" else CODES)
        whole = path.read_bytes()
        path.write_bytes({"empty": b"", "half": whole[: len(whole) // 2]}.get(spoil, whole))
    with pytest.raises(AugalgebraError, match=r"a\.npy"):
        describe_cache(Cache.open(tmp_path))


@pytest.mark.parametrize("name", ["file", "allow_pickle"])
def test_arrays_may_be_called_as_numpy_calls_its_arguments(tmp_path: Path, name: str) -> None:
    (tmp_path / "cache").mkdir()
    with zipfile.ZipFile(tmp_path / "cache" / "a.npz", "w") as archive:
        for key, array in (("latents", CODES[0]), (name, np.arange(3))):
            with archive.open(f"{key}.npy", "w") as file:
                np.lib.format.write_array(file, array)
    move_cache(Cache.open(tmp_path / "cache", [name]), "flip_lr", REGISTRY, tmp_path / "out")
    assert np.load(tmp_path / "out" / "a.npz")[name].tolist() == [0, 1, 2]


def test_linked_folders_belong_to_a_cache_and_links_that_go_round_do_not_hang(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "cache" / "real").mkdir(parents=True)
    np.savez(tmp_path / "elsewhere" / "b.npz", latents=CODES[1])
    np.savez(tmp_path / "cache" / "real" / "a.npz", latents=CODES[0])
    (tmp_path / "cache" / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "cache" / "real" / "round").symlink_to(tmp_path / "cache", target_is_directory=True)
    assert Cache.open(tmp_path / "cache").files == (Path("linked/b.npz"), Path("real/a.npz"))


def test_a_cache_is_not_written_into_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "more").mkdir()
    np.savez(tmp_path / "more" / "a.npz", latents=CODES[0])
    (tmp_path / "cache" / "linked").symlink_to(tmp_path / "more", target_is_directory=True)
    with pytest.raises(AugalgebraError, match="holds the cache, or lies in it"):
        move_cache(Cache.open(tmp_path / "cache"), "flip_lr", REGISTRY, tmp_path / "more" / "new")
