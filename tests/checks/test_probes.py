"""Probe images have no symmetry, come from a seed, and failing contributions are isolated."""

import importlib.util
import itertools
import math
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import augalgebra as aa
from augalgebra.checks import probe_images
from augalgebra.checks.probe_images import has_dark_border, index_image
from augalgebra.checks.probes import (
    contributed_probes,
    make_probes,
    picture_probe,
    probe_sizes,
    standard_probes,
    symmetries,
)
from augalgebra.errors import DataError, ImageError


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(8, 8), (9, 9), (12, 12), (20, 28), (28, 28), (33, 17)])
def test_no_built_in_probe_has_a_symmetry(channels: int, size: tuple[int, int]) -> None:
    for probe in standard_probes(channels, *size):
        assert (channels, *size) == tuple(probe.images.shape[1:])
        assert float(probe.images.min()) >= 0
        assert float(probe.images.max()) <= 1
        assert symmetries(probe.images) == (), probe.name


@pytest.mark.parametrize("seed", range(1, 12))
def test_no_seed_makes_a_symmetric_probe(seed: int) -> None:
    assert [symmetries(probe.images, tolerance=0.01) for probe in standard_probes(seed=seed)] == [()] * 10


@pytest.mark.parametrize(
    ("image", "symmetry"),
    [
        (torch.full((6, 6), 0.3), "flip_lr"),
        (torch.full((6, 6), 0.5), "inversion"),
        (torch.arange(36.0).reshape(6, 6) / 35, "inversion and rotate_180"),
        (torch.rand(6, 3, generator=torch.Generator().manual_seed(0)).repeat(1, 2), "roll 3 columns"),
        (torch.rand(3, 6, generator=torch.Generator().manual_seed(0)).repeat(2, 1), "roll 3 rows"),
        (torch.arange(6.0).reshape(1, 6).repeat(6, 1) / 9, "flip_ud"),
        (torch.outer(torch.arange(6.0), torch.arange(6.0)) / 25, "transpose"),
    ],
)
def test_planted_symmetries_are_found(image: Tensor, symmetry: str) -> None:
    asymmetric = index_image(1, 6, 6)
    assert symmetry in symmetries(torch.cat([asymmetric, image[None, None]]))


def test_the_index_image_has_every_value_once() -> None:
    for dtype in (torch.float32, torch.float64):
        values = index_image(3, 28, 28, dtype=dtype).flatten().sort().values
        assert len(values.unique()) == 3 * 28 * 28
        assert (float(values[0]), float(values[-1])) == (0.0, 1.0)
        assert values.dtype == dtype


def test_probes_come_from_the_seed() -> None:
    first, again, other = (standard_probes(seed=seed) for seed in (5, 5, 6))
    assert all(torch.equal(a.images, b.images) for a, b in zip(first, again, strict=True))
    assert {"noise", "core", "negatives", "textures", "scene", "blobs", "glyphs"} == {
        a.name for a, b in zip(first, other, strict=True) if not torch.equal(a.images, b.images)
    }


def test_smooth_probes_are_smooth() -> None:
    smooth = [probe for probe in standard_probes() if probe.smooth]
    assert [probe.name for probe in smooth] == ["negatives", "textures", "scene", "blobs", "glyphs", "digits"]
    for probe in smooth:
        assert float(probe.images.diff(dim=-1).abs().max()) < 0.5, probe.name


def test_probes_have_dark_bright_and_textured_borders() -> None:
    rim = torch.ones(28, 28, dtype=torch.bool)
    rim[3:-3, 3:-3] = False
    found = {probe.name: probe.images[..., rim] for probe in standard_probes()}
    assert all(float(found[name].max()) == 0 for name in ("core", "blobs", "glyphs", "digits"))
    assert [probe.name for probe in standard_probes() if probe.dark_border] == ["core", "blobs", "glyphs", "digits"]
    assert float(found["negatives"].min()) == 1
    for name in ("textures", "scene"):
        assert float(found[name].flatten(1).std(1).min()) > 0.1, name
        assert float(found[name].mean()) > 0.3, name


def test_a_dark_border_is_seen() -> None:
    blobs = next(probe.images for probe in standard_probes() if probe.name == "blobs")
    assert has_dark_border(torch.cat([blobs, 1 - blobs, blobs.roll(9, -1)])).tolist() == [True] * 3 + [False] * 6


@pytest.mark.parametrize("size", range(8, 70))
def test_laws_are_checked_at_two_squares_and_a_rectangle_of_odd_sides(size: int) -> None:
    first, oblong, second = probe_sizes(size)
    assert first == (size, size)
    assert second[0] == second[1] != size
    assert oblong[0] % 2 == oblong[1] % 2 == 1
    assert oblong[0] != oblong[1]
    for sides in zip(first, oblong, second, strict=True):
        assert all(math.gcd(one, other) == 1 for one, other in itertools.combinations(sides, 2))
    sizes = {tuple(probe.images.shape[-2:]) for probe in make_probes(size=size)}
    assert sizes == {first, oblong, second}


@pytest.mark.parametrize("there", [True, False], ids=["from the file", "by the library"])
def test_the_digits_are_those_of_scikit_learn(monkeypatch: pytest.MonkeyPatch, there: bool) -> None:
    from sklearn.datasets import load_digits

    expected = load_digits(return_X_y=True)
    if not there:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = probe_images._digits.__wrapped__()
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_laws_that_hold_are_checked_without_importing_what_is_slow() -> None:
    source = """
import sys
from augalgebra import load_catalog
from augalgebra.checks import check_laws
assert not [result for result in check_laws(load_catalog(), ["dihedral"]).results if result.verdict == "violated"]
print([name for name in ("sklearn", "scipy.optimize", "scipy.stats", "albumentations") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr


def test_too_small_probes_are_refused() -> None:
    with pytest.raises(ImageError, match="at least 8×8 pixels"):
        standard_probes(1, 8, 7)
    with pytest.raises(ImageError, match="1 or 3 channels, not 2"):
        standard_probes(2, 28, 28)


def plugin(name: str, probes: Callable[[], object]) -> types.ModuleType:
    module = types.ModuleType(name)

    @aa.hookimpl
    def augalg_probes() -> object:
        return probes()

    module.augalg_probes = augalg_probes  # type: ignore[attr-defined]
    return module


def raising(*_: object) -> Tensor:
    raise RuntimeError("no such file")


def test_contributed_probes_are_taken_and_failures_isolated() -> None:
    good = plugin("good", lambda: {"good.noise": lambda c, h, w: torch.rand(2, c, h, w)})
    bad = plugin(
        "bad",
        lambda: {
            "bad.raises": raising,
            "bad.shape": lambda c, h, w: torch.rand(1, c, h + 1, w),
            "bad.array": lambda c, h, w: np.zeros((1, c, h, w)),
            "bad.range": lambda c, h, w: torch.full((1, c, h, w), 2.0),
            "bad.nan": lambda c, h, w: torch.full((1, c, h, w), torch.nan),
            "bad.empty": lambda c, h, w: torch.zeros(0, c, h, w),
            "bad.bytes": lambda c, h, w: torch.zeros(1, c, h, w, dtype=torch.uint8),
            "bad.fine": lambda c, h, w: torch.rand(1, c, h, w),
        },
    )
    worse = plugin("worse", raising)
    catalog = aa.load_catalog(aa.Settings(), modules=[good, bad, worse], installed=False)
    probes, failures = contributed_probes(catalog, 1, 9, 10, dtype=torch.float64)
    assert [(probe.name, probe.plugin) for probe in probes] == [("bad.fine", "bad"), ("good.noise", "good")]
    assert {probe.images.dtype for probe in probes} == {torch.float64}
    reasons = {failure.name: failure.reason for failure in failures}
    assert reasons[""] == "RuntimeError: no such file"
    assert reasons["bad.raises"] == "RuntimeError: no such file"
    assert "shape (1, 1, 10, 10)" in reasons["bad.shape"]
    assert "ndarray, not a tensor" in reasons["bad.array"]
    assert "outside [0, 1]" in reasons["bad.range"]
    assert "outside [0, 1]" in reasons["bad.nan"]
    assert "bad.empty" in reasons
    assert "floating-point" in reasons["bad.bytes"]
    assert len(failures) == 8


def picture(file: Path, size: tuple[int, int] = (12, 10), mode: str = "RGB") -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(file)


def test_a_folder_of_pictures_is_read_in_order(tmp_path: Path) -> None:
    picture(tmp_path / "b.png")
    picture(tmp_path / "a.png", mode="L")
    (tmp_path / "notes.txt").write_text("no picture")
    probe = picture_probe(tmp_path, channels=3)
    assert tuple(probe.images.shape) == (2, 3, 10, 12)
    assert torch.equal(probe.images[0, 0], probe.images[0, 1])
    assert not torch.equal(probe.images[1, 0], probe.images[1, 1])
    expected = np.asarray(Image.open(tmp_path / "b.png"), dtype=np.float64).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(probe.images[1].numpy(), expected, atol=1e-7)
    assert tuple(picture_probe(tmp_path, limit=1).images.shape) == (1, 1, 10, 12)


def test_pictures_of_many_sizes_need_a_size(tmp_path: Path) -> None:
    picture(tmp_path / "a.png", (12, 10))
    picture(tmp_path / "b.png", (14, 10))
    with pytest.raises(ImageError, match=r"2 sizes: 10×12 \(1, such as .*a\.png\), 10×14 \(1, such as .*b\.png\)"):
        picture_probe(tmp_path)
    assert tuple(picture_probe(tmp_path, size=(16, 20)).images.shape) == (2, 3, 16, 20)


def test_bad_folders_get_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a folder of pictures"):
        picture_probe(tmp_path / "missing")
    with pytest.raises(DataError, match="holds no pictures"):
        picture_probe(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(ImageError, match=r"a\.png cannot be read as a picture") as caught:
        picture_probe(tmp_path)
    assert "\n" not in str(caught.value)
    picture(tmp_path / "b.png")
    whole = (tmp_path / "b.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match=r"1 of 2 pictures cannot be read: .*a\.png"):
        picture_probe(tmp_path)
    with pytest.raises(ImageError, match="1 or 3 channels, not 4"):
        picture_probe(tmp_path, channels=4)
