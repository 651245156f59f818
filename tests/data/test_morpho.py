"""Digits whose strokes have causes: by which equations, how near pixels come, and when they are drawn again."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

import augalgebra.data.drawn.morpho as drawing
from augalgebra.data import (
    Dataset,
    cause_intensity,
    draw_stroke_factors,
    draw_strokes,
    infer_intensity_noise,
    load_data,
    measure_strokes,
    morpho_data,
)
from augalgebra.errors import ImageError

MORPHO = Path(os.environ.get("AUGALG_DATA", "")) / "morphomnist"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(drawing, "cache_folder", lambda: tmp_path / "cache")
    return tmp_path / "cache" / "strokes"


def few() -> Dataset:
    return load_data("digits").part(15)


def test_factors_follow_the_equations() -> None:
    factors = draw_stroke_factors(20_000, seed=3)
    thickness, slant = factors["thickness"], factors["slant"]
    assert float(thickness.mean()) == pytest.approx(2.5, abs=0.02)
    assert float(thickness.var()) == pytest.approx(10 / 25, abs=0.02)
    assert (float(slant.mean()), float(slant.std())) == pytest.approx((0, 10), abs=0.2)
    noise = infer_intensity_noise(thickness, factors["intensity"])
    assert (float(noise.mean()), float(noise.std())) == pytest.approx((0, 1), abs=0.02)
    pairs = np.corrcoef(torch.stack([thickness, slant, noise]).numpy())
    assert np.abs(pairs - np.eye(3)).max() < 0.03
    assert torch.allclose(cause_intensity(thickness, noise), factors["intensity"])
    assert torch.equal(thickness, draw_stroke_factors(20_000, seed=3)["thickness"])
    assert not torch.equal(thickness, draw_stroke_factors(20_000, seed=4)["thickness"])


@pytest.mark.skipif(not MORPHO.is_dir(), reason="needs the thickness-intensity set in AUGALG_DATA/morphomnist")
def test_the_published_set_follows_them_too() -> None:
    published = torch.from_numpy(np.loadtxt(MORPHO / "t10k-morpho.csv", delimiter=",", skiprows=1))
    noise = infer_intensity_noise(published[:, 1], published[:, 2] / 255)
    assert (float(noise.mean()), float(noise.std())) == pytest.approx((0, 1), abs=0.03)


def test_pixels_show_the_factors_and_labels_and_split_stay() -> None:
    digits, data = few(), morpho_data(few())
    for plain, split in ((digits.train, data.train), (digits.test, data.test)):
        assert torch.equal(plain.labels, split.labels)
        assert plain.first == split.first
        found = measure_strokes(split.images.double() / 255)
        for name, error in (("thickness", 0.15), ("slant", 2.0), ("intensity", 0.02)):
            assert float((found[name] - split.factors[name]).abs().mean()) < error
    assert data.name == "morpho:digits"
    assert not torch.equal(data.train.factors["slant"][:15], data.test.factors["slant"])


def test_they_are_drawn_once(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int, str]] = []
    first = morpho_data(few(), progress=lambda *now: told.append(now))
    assert [(0, 30, drawing.PICTURES_DRAWN), (30, 30, drawing.PICTURES_DRAWN)] == told
    monkeypatch.setattr(drawing, "_draw_all", None)
    assert first.fingerprint == morpho_data(few()).fingerprint
    assert len([*cache.iterdir()]) == 1


def test_a_damaged_file_other_factors_and_other_code_are_drawn_anew(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, factors = few().train.images[:1], draw_stroke_factors(1)
    drawn, _ = draw_strokes(image, factors)
    (file,) = cache.iterdir()
    whole = file.read_bytes()
    file.write_bytes(whole[:-1])
    assert torch.equal(drawn, draw_strokes(image, factors)[0])
    assert file.read_bytes() == whole
    draw_strokes(image, factors | {"slant": factors["slant"] + 1})
    assert len([*cache.iterdir()]) == 2
    monkeypatch.setattr(drawing, "_source", lambda: b"others")
    draw_strokes(image, factors)
    assert len([*cache.iterdir()]) == 3


def test_several_processes_draw_the_same(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    images, factors = few().train.images[:4], draw_stroke_factors(4)
    one, _ = draw_strokes(images, factors)
    monkeypatch.setattr(drawing, "_ROWS", 2)
    several, _ = draw_strokes(images, factors, folder=tmp_path / "other")
    assert torch.equal(one, several)


def test_where_nothing_can_be_kept_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    images, remarks = draw_strokes(few().train.images[:1], draw_stroke_factors(1), folder=tmp_path / "file" / "in")
    assert images.shape == (1, 1, 28, 28)
    assert len(remarks) == 1
    assert "have to be drawn again: cannot write" in remarks[0]


def test_a_digit_without_strokes_is_refused() -> None:
    with pytest.raises(ImageError, match="all dark"):
        draw_strokes(torch.zeros(1, 1, 28, 28, dtype=torch.uint8), draw_stroke_factors(1))


def test_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "augalgebra.data.drawn.datasets.draw_strokes", lambda images, *_, **__: (255 - images, ("said",))
    )
    data = load_data("morpho:digits")
    assert ("morpho:digits", ("said",)) == (data.name, data.remarks)
    assert torch.equal(data.train.images, 255 - load_data("digits").train.images)
    assert {"thickness", "slant", "intensity"} == set(data.test.factors)
