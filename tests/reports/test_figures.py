"""Pictures that are really written, read back and looked at."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from augalgebra import Settings, load_catalog
from augalgebra.algebra.words import Word
from augalgebra.consistency.cases import Relabelling
from augalgebra.consistency.composition import measure_composition
from augalgebra.consistency.information import Information
from augalgebra.consistency.report import CompositionReport, WordScore
from augalgebra.errors import AugalgebraError
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.reports.gallery import Column, Group, Panel, gallery_panel
from augalgebra.reports.gallery_figure import FRAME, ROLE_COLOURS, draw_gallery, draw_gap_chart

SIDE = 6


class Pixels:
    """Codes are the pixels themselves."""

    dim = SIDE**2
    image_shape = (1, SIDE, SIDE)
    heads = (MAIN_HEAD,)

    def encode(self, images):
        return images.flatten(1)

    def decode(self, latents, head=MAIN_HEAD):
        return latents.clamp(0, 1).reshape(-1, 1, SIDE, SIDE)

    def fingerprint(self):
        return "pixels"


class Permuting:
    """Operators that permute pixels as the augmentations do."""

    def __init__(self, catalog):
        self.catalog = catalog

    def operator(self, word: Word):
        return Mover(self.catalog, word)


class Mover:
    def __init__(self, catalog, word):
        self.catalog, self.word = catalog, word

    def apply(self, latents):
        return self.catalog.apply(self.word, latents.reshape(-1, 1, SIDE, SIDE)).flatten(1)


@pytest.fixture(scope="module")
def catalog():
    import augalg_dihedral
    import augalg_filters

    return load_catalog(Settings(), modules=[augalg_dihedral, augalg_filters], installed=False)


@pytest.fixture
def images():
    return torch.rand(3, 1, SIDE, SIDE, generator=torch.Generator().manual_seed(0))


def read(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def has_colour(pixels: np.ndarray, colour: str) -> bool:
    wanted = [int(colour[index : index + 2], 16) for index in (1, 3, 5)]
    return bool((np.abs(pixels.astype(int) - wanted).max(-1) <= 2).any())


def scored(word: str, ratio: float, kind="augmentation") -> WordScore:
    losses = {"bce": 40 + 30 * ratio, "floor": 70.0, "identity_bce": 210.0, "entropy": 40.0}
    return WordScore(word, "id", kind, word, "id", 0.1, kind == "reconstruction", **losses)


def reported(*scores: WordScore) -> CompositionReport:
    return CompositionReport({"id": 70.0}, {"id": 40.0}, scores, (), (), (), 10, MAIN_HEAD, Information(0.4, 0.3))


def test_a_panel_shows_what_the_words_do(catalog, images):
    space, operators = Pixels(), Permuting(catalog)
    report = measure_composition(space, operators, catalog, images, ["rotate_cw", "flip_lr"])
    panel = gallery_panel(space, operators, catalog, images, ["rotate_cw", "flip_lr"], title="exact", report=report)

    assert [(group.title, group.subtitle) for group in panel.groups] == [
        ("original", ""),
        ("augmentation", "rotate_cw"),
        ("augmentation", "flip_lr"),
        ("composition", "rotate_cw * flip_lr"),
        ("reverse composition", "flip_lr * rotate_cw"),
        ("inverse", "from rotate_cw"),
        ("inverse", "from flip_lr"),
        ("inverse of composition", "from rotate_cw * flip_lr"),
    ]
    composed = panel.groups[3]
    assert [column.role for column in composed.columns] == ["true", "direct", "moved"]
    for column in composed.columns:
        torch.testing.assert_close(column.images, catalog.apply("rotate_cw * flip_lr", images))
    encoded, moved = panel.groups[-1].columns
    torch.testing.assert_close(encoded.images, catalog.apply("rotate_cw * flip_lr", images))
    torch.testing.assert_close(moved.images, images)
    # with nothing lost there is no ratio to show, only the floor, which is all entropy
    assert (composed.gap_ratio, composed.identity_ratio, composed.verdict) == (None, None, "holds")
    assert composed.floor == pytest.approx(composed.entropy, rel=1e-6)


def test_a_panel_shows_measured_ratios_and_what_is_vacuous(catalog, images):
    space, operators = Pixels(), Permuting(catalog)
    flip = scored("flip_lr", 1.25)
    still = replace(scored("rotate_cw", 1.0), identity_bce=71.0)
    groups = gallery_panel(
        space, operators, catalog, images, ["rotate_cw", "flip_lr"], title="", report=reported(flip, still)
    ).groups

    assert (groups[2].entropy, groups[2].floor) == (40.0, 70.0)
    assert (groups[2].gap_ratio, groups[2].identity_ratio) == pytest.approx((1.25, 170 / 30))
    assert (groups[1].verdict, groups[2].verdict) == ("vacuous", "violated")


def test_a_panel_admits_what_has_no_inverse(catalog, images):
    meaning = Relabelling(catalog, {"canny": "flip_lr"})
    panel = gallery_panel(
        Pixels(), Permuting(catalog), catalog, images, ["flip_ud", "canny"], title="transfer", relabelling=meaning
    )
    notes = {(group.title, group.subtitle): group.note for group in panel.groups if not group.columns}

    assert notes == {
        ("inverse", "canny"): "no inverse",
        ("inverse of composition", "flip_ud * canny"): "no inverse",
    }
    assert "canny by the operator of flip_lr" in panel.caption
    drawn = panel.groups[2].columns[-1].images
    torch.testing.assert_close(drawn, catalog.apply("flip_lr", images))


def test_gallery_is_written_and_not_blank(catalog, images, tmp_path):
    space, operators = Pixels(), Permuting(catalog)
    panel = gallery_panel(space, operators, catalog, images, ["flip_lr", "flip_ud"], title="flips")
    one = read(draw_gallery([panel], tmp_path / "figures" / "one.png"))
    two = read(draw_gallery([panel, panel], tmp_path / "two.png"))

    # 8 groups with 20 columns of 84 pixels, 3 rows
    assert one.shape[1] > 20 * 84
    assert two.shape[1] == one.shape[1]
    assert two.shape[0] > 1.8 * one.shape[0]
    assert all(has_colour(one, colour) for colour in ROLE_COLOURS.values())
    assert not list(tmp_path.glob("*.part"))
    # the same pictures give the same bytes
    draw_gallery([panel], tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "figures" / "one.png").read_bytes()


def test_gallery_shows_each_pixel_of_an_image_alike(tmp_path):
    checks = (torch.arange(SIDE)[:, None] + torch.arange(SIDE)) % 2
    image = checks.float()[None, None]
    panel = Panel("", "", (Group("", "", (Column("true", image),)),))
    pixels = read(draw_gallery([panel], tmp_path / "checks.png"))[..., 0]
    scale = 84 // SIDE
    framed = pixels == int(FRAME * 255)
    top, bottom = np.flatnonzero(framed.sum(1) >= 84)[[0, -1]]
    left, right = np.flatnonzero(framed.sum(0) >= 84)[[0, -1]]
    tile = pixels[top : bottom + 1, left : right + 1]

    assert tile.shape == (84, 84)
    centres = tile[scale // 2 :: scale, scale // 2 :: scale] > 127
    assert (centres == checks.numpy().astype(bool)).all()


def test_gallery_takes_colour_images_of_any_size(tmp_path):
    image = torch.zeros(1, 3, 5, 9)
    image[:, 0] = 1
    panel = Panel("red", "a caption", (Group("original", "", (Column("true", image),)),))

    assert has_colour(read(draw_gallery([panel], tmp_path / "red.png")), "#ff0000")


def test_gap_chart_marks_every_word(tmp_path):
    scores = [scored("flip_lr", 1.1), scored("flip_ud", 1.4), scored("id", 1.0, "reconstruction")]
    worse = reported(*[scored("flip_lr", 2.0), scored("flip_ud", 2.5)])
    small = read(draw_gap_chart({"ours": reported(*scores)}, tmp_path / "a.png", title="Gaps"))
    both = read(draw_gap_chart({"ours": reported(*scores), "published": worse}, tmp_path / "b.png", title="Gaps"))
    more = [scored(f"word_{number}", 1 + number / 10) for number in range(40)]
    large = read(draw_gap_chart({"ours": reported(*more)}, tmp_path / "c.png", title="Gaps", most=12))

    assert small.shape == both.shape
    assert has_colour(small, "#D55E00")
    assert (has_colour(small, "#0072B2"), has_colour(both, "#0072B2")) == (False, True)
    assert large.shape[0] - small.shape[0] == 10 * 34


def test_gap_chart_copes_with_numbers_that_cannot_be_drawn(tmp_path):
    perfect = replace(scored("canny", 1.0), floor=40.0)  # nothing is lost, so that there is no ratio at all
    bad = scored("flip_lr", float("inf")), scored("flip_ud", float("nan"))
    report = reported(*bad, scored("rotate_cw", 1.5), perfect)

    assert has_colour(read(draw_gap_chart({"ours": report}, tmp_path / "bad.png", title="Gaps")), "#D55E00")


def test_pictures_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    panel = Panel("", "", (Group("", "", (Column("true", torch.zeros(1, 1, 4, 4)),)),))

    with pytest.raises(AugalgebraError, match="cannot write"):
        draw_gallery([panel], tmp_path / "file" / "gallery.png")
