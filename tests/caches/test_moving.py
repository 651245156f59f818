"""Caches in the format of each trainer, written as it does, moved, and read again as it does."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from cached_codes import build_registry, draw_pictures, encode, move_pictures, write_sd_scripts
from grid_spaces import CHANNELS, STRIDE, patch_space
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from augalgebra.caches.cache import Cache
from augalgebra.caches.moving import Scaling, augment_cache, move_cache
from augalgebra.errors import DataError, ParameterError
from augalgebra.operators.grids.noise import ResidualNoise
from augalgebra.operators.grids.operator import GridMap
from augalgebra.operators.grids.registry import GridRegistry

REGISTRY = build_registry()
WIDE = draw_pictures(5)
WORDS = ["flip_lr", "rotate_cw", "rotate_cw^2 * flip_lr"]
Codes = dict[str, np.ndarray]


class Format(NamedTuple):
    """How a trainer writes a cache of pictures, and what it reads from one: codes and second copies by picture."""

    write: Callable[[Path, Tensor], None]
    read: Callable[[Path], tuple[Codes, Codes]]
    has_copies: bool = False


def write_lightning(folder: Path, pictures: Tensor) -> None:
    folder.mkdir()
    for shard, part in enumerate(pictures.split(3)):
        tensors = {
            "latents": torch.from_numpy(encode(part)),
            "latents_flip": torch.from_numpy(encode(part.flip(-1))),
            "labels": torch.arange(len(part)) + 3 * shard,
        }
        said = {"total_size": str(len(part)), "dtype": "torch.float32", "device": "cuda:0"}
        save_file(tensors, folder / f"latents_rank00_shard{shard:03d}.safetensors", metadata=said)
    (folder / "latents_stats.pt").write_bytes(b"a pickle")


def read_lightning(folder: Path) -> tuple[Codes, Codes]:
    codes, copies = {}, {}
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="np") as file:
            assert file.metadata()["total_size"] == str(file.get_slice("latents").get_shape()[0])
            for row, label in enumerate(file.get_tensor("labels")):
                codes[str(label)] = file.get_slice("latents")[row : row + 1][0]
                copies[str(label)] = file.get_slice("latents_flip")[row : row + 1][0]
    return codes, copies


def write_mar(folder: Path, pictures: Tensor) -> None:
    for number, picture in enumerate(pictures):
        path = folder / f"n{number % 2}" / f"{number}.JPEG.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(path, moments=moments(picture), moments_flip=moments(picture.flip(-1)))


def moments(picture: Tensor) -> np.ndarray:
    """Means, and a log variance for each square of the picture."""
    means = encode(picture[None])[0]
    brightness = torch.nn.functional.avg_pool2d(picture.mean(0)[None, None], STRIDE)[0].numpy()
    return np.concatenate([means, np.broadcast_to(-brightness, means.shape)]).astype(np.float32)


def read_mar(folder: Path) -> tuple[Codes, Codes]:
    files = {path.name.split(".")[0]: dict(np.load(path)) for path in sorted(folder.glob("*/*.npz"))}
    return {name: file["moments"] for name, file in files.items()}, {
        name: file["moments_flip"] for name, file in files.items()
    }


def write_musubi(folder: Path, pictures: Tensor) -> None:
    folder.mkdir()
    for number, picture in enumerate(pictures):
        codes = torch.from_numpy(encode(picture[None]))[0]
        height, width = picture.shape[-2:]
        key = f"1x{height // STRIDE}x{width // STRIDE}_float32"
        tensors = {f"latents_{key}": codes[:, None].contiguous(), f"latents_control_0_{key}": codes[:, None] + 0}
        said = {"architecture": "wan", "width": str(width), "height": str(height), "format_version": "1.0.1"}
        save_file(tensors, folder / f"p{number}_{width:04d}x{height:04d}_wan.safetensors", metadata=said)
        save_file({"varlen_t5_float32": torch.zeros(3, 4)}, folder / f"p{number}_wan_te.safetensors")


def read_musubi(folder: Path) -> tuple[Codes, Codes]:
    codes, others = {}, {}
    for path in sorted(folder.glob("*_wan.safetensors")):
        name, size, _ = path.name.split("_")
        with safe_open(path, framework="np") as file:
            width, height = (int(side) for side in size.split("x"))
            assert (file.metadata()["width"], file.metadata()["height"]) == (str(width), str(height))
            end = f"1x{height // STRIDE}x{width // STRIDE}_float32"
            codes[name[1:]] = file.get_tensor(f"latents_{end}")[:, 0]
            others[name[1:]] = file.get_tensor(f"latents_control_0_{end}")[:, 0]
    assert all(np.array_equal(codes[name], others[name]) for name in codes)  # control pictures move along
    return codes, {}


def write_ai_toolkit(folder: Path, pictures: Tensor) -> None:
    (folder / "_latent_cache").mkdir(parents=True)
    for number, picture in enumerate(pictures):
        codes = torch.from_numpy(encode(picture[None]))[0]
        save_file({"latent": codes}, folder / "_latent_cache" / f"{number}_hash.safetensors", metadata={"crop_x": "0"})


def read_ai_toolkit(folder: Path) -> tuple[Codes, Codes]:
    files = {path.name[0]: load_file(path) for path in (folder / "_latent_cache").glob("*.safetensors")}
    return {name: file["latent"].numpy() for name, file in files.items()}, {}


def write_plain(folder: Path, pictures: Tensor) -> None:
    (folder / "features").mkdir(parents=True)
    (folder / "labels").mkdir()
    for number, picture in enumerate(pictures):
        np.save(folder / "features" / f"{number}.npy", encode(picture[None]))
        np.save(folder / "labels" / f"{number}.npy", np.array([number]))


def read_plain(folder: Path) -> tuple[Codes, Codes]:
    labels = [int(np.load(path)[0]) for path in sorted((folder / "labels").glob("*.npy"))]
    codes = [np.load(path)[0] for path in sorted((folder / "features").glob("*.npy"))]
    return {str(label): item for label, item in zip(labels, codes, strict=True)}, {}


def read_sd_scripts(folder: Path) -> tuple[Codes, Codes]:
    files = {path.name[1]: dict(np.load(path)) for path in sorted(folder.glob("*.npz"))}
    return {name: file["latents"] for name, file in files.items()}, {
        name: file["latents_flipped"] for name, file in files.items()
    }


def read_sized(folder: Path) -> tuple[Codes, Codes]:
    codes, copies = {}, {}
    for path in sorted(folder.glob("*.npz")):
        width, height = (int(side) // 2 // STRIDE for side in path.name.split("_")[1].split("x"))
        with np.load(path) as file:
            codes[path.name[1]] = file[f"latents_{height}x{width}"]
            copies[path.name[1]] = file[f"latents_flipped_{height}x{width}"]
    return codes, copies


FORMATS = {
    "sd-scripts": Format(write_sd_scripts, read_sd_scripts, has_copies=True),
    "sd-scripts, by size": Format(lambda to, x: write_sd_scripts(to, x, sized=True), read_sized, has_copies=True),
    "LightningDiT": Format(write_lightning, read_lightning, has_copies=True),
    "MAR": Format(write_mar, read_mar, has_copies=True),
    "musubi-tuner": Format(write_musubi, read_musubi),
    "ai-toolkit": Format(write_ai_toolkit, read_ai_toolkit),
    "npy": Format(write_plain, read_plain),
}


@pytest.mark.parametrize("name", FORMATS)
def test_a_moved_cache_holds_the_codes_of_the_moved_pictures(name: str, tmp_path: Path) -> None:
    form = FORMATS[name]
    form.write(tmp_path / "cache", WIDE)
    cache = Cache.open(tmp_path / "cache")
    assert cache.format.name == name.split(",")[0]
    code = moments if name == "MAR" else (lambda picture: encode(picture[None])[0])
    for word in WORDS:
        out = tmp_path / word
        written = move_cache(cache, word, REGISTRY, out)
        assert (written.files, written.before, len(written.copies)) == (len(cache.files), 0, form.has_copies)
        codes, copies = form.read(out)
        moved = move_pictures(WIDE, word)
        assert sorted(codes) == [str(number) for number in range(5)]
        for number, picture in enumerate(moved):
            np.testing.assert_allclose(codes[str(number)], code(picture), atol=1e-5)
            if form.has_copies:
                np.testing.assert_allclose(copies[str(number)], code(picture.flip(-1)), atol=1e-5)


def test_what_lies_there_flipped_is_taken_as_it_is(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", WIDE)
    for path in (tmp_path / "cache").iterdir():  # as samples of the encoder are, which no operator gives
        arrays = dict(np.load(path))
        np.savez(path, **arrays | {"latents_flipped": arrays["latents_flipped"] + 0.125})
    move_cache(Cache.open(tmp_path / "cache"), "flip_lr", REGISTRY, tmp_path / "out")
    before, after = read_sd_scripts(tmp_path / "cache"), read_sd_scripts(tmp_path / "out")
    for name in before[0]:
        assert np.array_equal(after[0][name], before[1][name])
        assert np.array_equal(after[1][name], before[0][name])


@pytest.mark.parametrize("sized", [False, True])
def test_crop_mask_and_size_follow_the_picture(tmp_path: Path, *, sized: bool) -> None:
    picture = WIDE[:1]  # 16 rows, 24 columns; the crop is left 1, top 2, right 21, bottom 12
    write_sd_scripts(tmp_path / "cache", picture, sized=sized)
    cache = Cache.open(tmp_path / "cache")
    expected = {
        "flip_lr": ([24 - 21, 2, 24 - 1, 12], [48, 32], "p0_0048x0032_sd.npz", "_2x3"),
        "rotate_cw": ([16 - 12, 1, 16 - 2, 21], [32, 48], "p0_0032x0048_sd.npz", "_3x2"),
        "rotate_cw^2": ([24 - 21, 16 - 12, 24 - 1, 16 - 2], [48, 32], "p0_0048x0032_sd.npz", "_2x3"),
        "flip_lr * rotate_cw": ([16 - 12, 24 - 21, 16 - 2, 24 - 1], [32, 48], "p0_0032x0048_sd.npz", "_3x2"),
    }
    for word, (crop, size, file, end) in expected.items():
        move_cache(cache, word, REGISTRY, tmp_path / word)
        end = end if sized else ""
        arrays = np.load(tmp_path / word / file)
        assert arrays[f"crop_ltrb{end}"].tolist() == crop, word
        assert arrays[f"original_size{end}"].tolist() == size, word
        np.testing.assert_array_equal(arrays[f"alpha_mask{end}"], move_pictures(picture, word)[0, 0].numpy())


def test_a_crop_beyond_the_picture_comes_back_from_two_flips(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", WIDE[:1])
    (path,) = (tmp_path / "cache").iterdir()
    np.savez(path, **dict(np.load(path)) | {"crop_ltrb": np.array([-3, 2, 30, 12])})
    for source, out, crop in (("cache", "once", [24 - 30, 2, 24 + 3, 12]), ("once", "twice", [-3, 2, 30, 12])):
        move_cache(Cache.open(tmp_path / source), "flip_lr", REGISTRY, tmp_path / out)
        assert np.load(tmp_path / out / path.name)["crop_ltrb"].tolist() == crop


@pytest.mark.parametrize("name", ["sd-scripts", "LightningDiT"])
def test_noise_is_as_strong_as_what_operators_miss_and_follows_seed_and_file(name: str, tmp_path: Path) -> None:
    FORMATS[name].write(tmp_path / "cache", WIDE)
    cache, noisy = Cache.open(tmp_path / "cache"), GridRegistry.of(patch_space(), REGISTRY.catalog)
    word = noisy.catalog.word("flip_ud")
    exact = REGISTRY.operator(word).maps[0]
    noise = ResidualNoise(0.5 * torch.eye(CHANNELS)[..., None, None])
    noisy.add(noisy.entry_for(GridMap(exact.move, exact.local, noise), word, "noisy"))
    both = REGISTRY.operator("flip_ud * flip_lr").maps[0]
    of_copies = GridMap(both.move, both.local, noise)
    noisy.add(noisy.entry_for(of_copies, noisy.reduced("flip_ud * flip_lr"), "noisy"))
    made = {}
    for out, jobs, seed in (("means", 1, None), ("one", 1, 0), ("same", 2, 0), ("other", 1, 1)):
        move_cache(cache, word, noisy, tmp_path / out, noise=seed, jobs=jobs)
        codes, copies = FORMATS[name].read(tmp_path / out)
        made[out] = np.stack([codes[key] for key in sorted(codes)] + [copies[key] for key in sorted(copies)])
    drawn = made["one"] - made["means"]
    assert float(drawn.std()) == pytest.approx(0.5, rel=0.05)
    assert np.array_equal(made["one"], made["same"])
    assert abs(float(np.corrcoef(drawn.ravel(), (made["other"] - made["means"]).ravel())[0, 1])) < 0.05
    assert abs(float(np.corrcoef(drawn[0].ravel(), drawn[1].ravel())[0, 1])) < 0.4
    assert abs(float(np.corrcoef(drawn[0].ravel(), drawn[len(WIDE)].ravel())[0, 1])) < 0.4
    with pytest.raises(ParameterError, match=r"not known what the operator of .*flip_ud.* misses"):
        move_cache(cache, "flip_ud", REGISTRY, tmp_path / "none", noise=0)


def test_every_element_is_written_two_to_a_file_where_a_format_keeps_copies(tmp_path: Path) -> None:
    square = draw_pictures(3, 16, 16)
    write_lightning(tmp_path / "cache", square)
    cache = Cache.open(tmp_path / "cache")
    written = augment_cache(cache, ["flip_lr", "rotate_cw"], REGISTRY, tmp_path / "out")
    found = []
    for path in sorted((tmp_path / "out").glob("*.safetensors")):
        tensors = load_file(path)
        assert tensors["labels"].tolist() == [0, 1, 2]
        found += [tensors["latents"], tensors["latents_flip"]]
    assert len(found) == 8 == len(written.words) + len(written.copies)
    expected = [encode(move_pictures(square, word)) for word in (*written.words, *written.copies)]
    for codes in found:
        (match,) = [item for item in expected if np.allclose(item, codes.numpy(), atol=1e-5)]
        expected = [item for item in expected if item is not match]
    # a trainer that reads pictures under the names they had finds them there
    first = load_file(tmp_path / "out/latents_rank00_shard000.safetensors")
    np.testing.assert_array_equal(first["latents"].numpy(), encode(square))


def test_every_element_has_a_file_where_a_format_keeps_no_copies(tmp_path: Path) -> None:
    write_plain(tmp_path / "cache", WIDE)
    augment_cache(Cache.open(tmp_path / "cache"), ["flip_lr"], REGISTRY, tmp_path / "out")
    for number, picture in enumerate(WIDE):
        for element, moved in (("", picture), (".flip_lr", picture.flip(-1))):
            codes = np.load(tmp_path / f"out/features/{number}{element}.npy")
            np.testing.assert_allclose(codes, encode(moved[None]), atol=1e-5)
            assert np.load(tmp_path / f"out/labels/{number}{element}.npy").tolist() == [number]


def test_a_group_without_the_flip_keeps_no_copies(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", WIDE[:1])
    augment_cache(Cache.open(tmp_path / "cache"), ["rotate_cw^2"], REGISTRY, tmp_path / "out")
    arrays = np.load(tmp_path / "out/p0.rotate_cw-2_0048x0032_sd.npz")
    assert sorted(arrays) == ["alpha_mask", "crop_ltrb", "latents", "original_size"]


def test_scaled_codes_are_moved_as_raw_ones(tmp_path: Path) -> None:
    scale, shift = 0.5, 0.25
    (tmp_path / "cache").mkdir()
    np.save(tmp_path / "cache/codes.npy", ((encode(WIDE) - shift) * scale).astype(np.float16))
    registry = build_registry("flip_lr")
    for entry in registry.entries.values():  # not linear, so that it tells scaled codes from raw ones
        entry.map.local.bias += 1.0
    move_cache(Cache.open(tmp_path / "cache"), "flip_lr", registry, tmp_path / "out", scaling=Scaling(scale, shift))
    moved = np.load(tmp_path / "out/codes.npy")
    assert moved.dtype == np.float16
    np.testing.assert_allclose(moved / scale + shift, encode(WIDE.flip(-1)) + 1, atol=2e-2)


def test_bfloat16_shards_keep_their_type_and_are_written_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("augalgebra.caches.rewriting.PIECE", 1)  # one picture at a time
    (tmp_path / "cache").mkdir()
    codes = torch.from_numpy(encode(WIDE)).bfloat16()
    save_file({"latents": codes, "labels": torch.arange(5)}, tmp_path / "cache/a.safetensors")
    move_cache(Cache.open(tmp_path / "cache"), "flip_lr", REGISTRY, tmp_path / "out")
    moved = load_file(tmp_path / "out/a.safetensors")
    assert sorted(moved) == ["labels", "latents"]  # without second copies none come
    assert moved["latents"].dtype == torch.bfloat16
    assert torch.equal(moved["latents"], REGISTRY.operator("flip_lr").apply(codes))


def noisy_flip() -> GridRegistry:
    noisy = GridRegistry.of(patch_space(), REGISTRY.catalog)
    exact, noise = REGISTRY.operator("flip_lr").maps[0], ResidualNoise(0.5 * torch.eye(CHANNELS)[..., None, None])
    noisy.add(noisy.entry_for(GridMap(exact.move, exact.local, noise), noisy.catalog.word("flip_lr"), "noisy"))
    return noisy


def test_every_array_of_a_file_has_noise_of_its_own(tmp_path: Path) -> None:
    write_musubi(tmp_path / "cache", WIDE[:1])
    drawn = []
    for out, seed in (("means", None), ("noise", 1)):
        move_cache(Cache.open(tmp_path / "cache"), "flip_lr", noisy_flip(), tmp_path / out, noise=seed)
        (path,) = (tmp_path / out).glob("*_wan.safetensors")
        drawn.append(load_file(path))
    first, second = (drawn[1][key] - drawn[0][key] for key in sorted(drawn[0]))
    assert float(first.std()) == pytest.approx(0.5, rel=0.2)
    assert abs(float(torch.corrcoef(torch.stack([first.flatten(), second.flatten()]))[0, 1])) < 0.3


def test_codes_of_other_operators_are_not_mixed_in(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", WIDE[:2])
    cache, out = Cache.open(tmp_path / "cache"), tmp_path / "out"
    move_cache(cache, "flip_lr", REGISTRY, out)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(DataError, match=r"made in another way \(other operators\); name another folder"):
        move_cache(cache, "flip_lr", noisy_flip(), out)
    assert before == {path.name: path.read_bytes() for path in out.iterdir()}


def test_files_that_would_have_one_name_are_refused_before_any_is_written(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    for name, codes in zip(("a", "a.flip_lr"), encode(WIDE[:2]), strict=True):
        np.save(tmp_path / "cache" / f"{name}.npy", codes)
    with pytest.raises(ParameterError, match=r"of a\.flip_lr\.npy and of a\.npy would both be called a\.flip_lr\.npy"):
        augment_cache(Cache.open(tmp_path / "cache"), ["flip_lr"], REGISTRY, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_begun_again_only_what_is_missing_or_changed_is_written(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", WIDE)
    cache, out = Cache.open(tmp_path / "cache"), tmp_path / "out"
    move_cache(cache, "rotate_cw", REGISTRY, out)
    whole = {path.name: path.read_bytes() for path in out.glob("*.npz")}
    names = sorted(whole)
    (out / names[0]).unlink()
    (out / names[1]).write_bytes(b"somebody else wrote here")
    journal = out / "augalg-latents.jsonl"
    journal.write_bytes(journal.read_bytes()[:-20])  # killed in the middle of the last line
    told: list[int] = []
    again = move_cache(cache, "rotate_cw", REGISTRY, out, progress=lambda done, total, what="": told.append(done))
    assert (again.files, again.before) == (3, 2)
    assert told == [1, 2, 3, 4, 5]
    assert {path.name: path.read_bytes() for path in out.glob("*.npz")} == whole
    assert move_cache(cache, "rotate_cw", REGISTRY, out).files == 0
    assert json.loads(journal.read_text().splitlines()[0])["model"] == REGISTRY.fingerprint


def test_several_processes_write_what_one_does(tmp_path: Path) -> None:
    write_sd_scripts(tmp_path / "cache", WIDE)
    cache = Cache.open(tmp_path / "cache")
    move_cache(cache, "rotate_cw", REGISTRY, tmp_path / "one")
    move_cache(cache, "rotate_cw", REGISTRY, tmp_path / "two", jobs=2)
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).glob("*.npz")} for name in ("one", "two"))
    assert one == two
    assert len(one) == 5
