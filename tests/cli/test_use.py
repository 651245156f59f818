"""A trained run used on pictures: apply, interpolate, sample, recurse, and the same from Python."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from augalgebra import Catalog, load_catalog
from augalgebra.data.dataset import Dataset
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, ImageError, NotInvertibleError
from augalgebra.latent.refine import refine
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.pictures import output_paths, read_picture
from augalgebra.runs.run import Run
from augalgebra.runs.sampling import interpolate, sample
from augalgebra.runs.stages import train
from augalgebra.runs.transform import LatentTransform, as_albumentations
from augalgebra.training.settings import TrainSettings

SIDE = 16


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def data(few_digits: Path) -> Dataset:
    return load_data(few_digits)


@pytest.fixture(scope="module")
def run(data: Dataset, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Run:
    settings = TrainSettings(data=data.name, width=4, dim=6, epochs=20)
    trained = train(tmp_path_factory.mktemp("runs") / "run", settings, catalog, data=data)
    transfer(trained, ["shear_x", "canny"], mode="relabel", head="new", epochs=1, data=data)
    return trained


@pytest.fixture
def picture(tmp_path: Path, data: Dataset) -> Path:
    path = tmp_path / "digit.png"
    Image.fromarray(data.test.images[0, 0].numpy()).save(path)
    return path


def read(path: Path) -> Any:
    return np.asarray(Image.open(path))


def expected(run: Run, images: torch.Tensor, word: str) -> torch.Tensor:
    with torch.no_grad():
        return run.space.decode(run.registry.operator(word).apply(run.space.encode(images)))


def test_pictures_are_moved_and_written(program: Callable[..., Any], run: Run, picture: Path, data: Dataset) -> None:
    folder = str(run.folder)
    done = program("apply", folder, "flip_lr", "digit.png", "--out", "moved", "--json")
    assert done.code == 0, done.err
    answer = done.data
    assert answer["images"] == [{"image": "digit.png", "output": "moved/digit.png"}]
    image = data.test.batch(slice(1))[0]
    moved = expected(run, image, "flip_lr")
    np.testing.assert_array_equal(read(picture.parent / "moved/digit.png"), (moved[0, 0] * 255).round().byte())

    images = data.test.batch(slice(3))[0]
    np.savez(picture.parent / "three.npz", images=images[:, 0].numpy())
    done = program("apply", folder, "id", "three.npz", "--from", "flip_ud", "--refine", "--out", "back", "--json")
    assert done.code == 0, done.err
    assert done.data["operator"] == "flip_ud^-1"
    codes = refine(run.space, images)
    back = run.space.decode(run.registry.operator("flip_ud").apply(codes)).detach()
    shown = [read(picture.parent / f"back/three-{number:04}.png") for number in range(3)]
    assert np.abs(np.stack(shown) / 255 - back[:, 0].numpy()).max() < 0.02


@pytest.fixture
def broken(picture: Path) -> Path:
    """Files that no latent space of 16×16 grey images can take."""
    folder = picture.parent
    Image.new("L", (SIDE, SIDE + 1)).save(folder / "tall.png")
    (folder / "text.png").write_text("no picture")
    (folder / "text.npz").write_text("no arrays")
    nan = np.zeros((1, SIDE, SIDE), np.float32)
    nan[0, 3, 3] = np.nan
    np.savez(folder / "nan.npz", images=nan)
    np.savez(folder / "bright.npz", images=np.full((1, SIDE, SIDE), 2.0))
    np.savez(folder / "colour.npz", images=np.zeros((1, 3, SIDE, SIDE)))
    np.savez(folder / "other.npz", faces=nan)
    (folder / "sub").mkdir()
    Image.new("L", (SIDE, SIDE)).save(folder / "sub" / "digit.png")
    return folder


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("none.png", "there is no file"),
        ("text.png", "text.png cannot be read as a picture"),
        ("tall.png", "tall.png has 17×16 pixels and 1 channel, but this latent space was made for 16×16 pixels"),
        ("nan.npz", "nan.npz: some pixels are NaN or infinite"),
        ("bright.npz", "here they reach from 2.0 to 2.0"),
        ("colour.npz", "has 16×16 pixels and 3 channels"),
        ("text.npz", "text.npz cannot be read as an .npz"),
        ("other.npz", "holds faces; it must hold images"),
    ],
)
def test_what_is_no_picture_for_this_space_is_refused(broken: Path, file: str, message: str) -> None:
    with pytest.raises(ImageError) as caught:
        read_picture(broken / file, (1, SIDE, SIDE))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_pictures_never_overwrite_each_other(tmp_path: Path) -> None:
    sources = [Path("a/x.png"), Path("b/y.npz")]
    assert output_paths(tmp_path, sources, [1, 2]) == [
        [tmp_path / "x.png"],
        [tmp_path / "y-0000.png", tmp_path / "y-0001.png"],
    ]
    for folder, given in ((tmp_path, [Path("a/x.png"), Path("b/x.jpg")]), (Path("a"), [Path("a/x.png")])):
        with pytest.raises(ImageError, match="would take the place of what comes from"):
            output_paths(folder, given, [1] * len(given))


def test_bad_input_gets_one_clear_line(program: Callable[..., Any], run: Run, broken: Path) -> None:
    folder = str(run.folder)
    cases = [
        (["apply", folder, "flip_lr", "digit.png", "tall.png"], "tall.png has 17×16 pixels and 1 channel"),
        (["apply", folder, "rotate(30)", "digit.png"], "has no operator for rotate(30); it has "),
        (["apply", folder, "rotate(30)", "digit.png"], f"'augalg operators {folder} --add \"rotate(30)\"' fits one"),
        (["apply", folder, "flip_lr", "digit.png", "--head", "mian"], "has no head 'mian'; it has main, new"),
    ]
    for arguments, message in cases:
        done = program(*arguments, "--out", "moved")
        assert (done.code, done.out) == (2, ""), arguments
        assert message in done.err
        assert done.err.count("\n") == 1, done.err
    assert not (broken / "moved").exists()


def test_a_picture_that_cannot_be_is_refused(program: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    folder, many = str(run.folder), str(10**8)
    cases = [
        (["interpolate", folder, "0", "99"], "there is no test image 99"),
        (["interpolate", folder, "0", "1", "--steps", many], "100000000 pictures are too many for one file"),
        (["interpolate", folder, "0", "1", "--word", "flip_lr", "--powers", "501", "--steps", "2"], "1002 pictures"),
        (["sample", folder, "--n", many, "--kind", "box"], "100000000 pictures are too many for one file"),
        (["sample", folder, "--n", "501", "--kind", "box", "--word", "flip_lr"], "1002 pictures are too many"),
    ]
    for arguments, message in cases:
        done = program(*arguments, "--out", "x.png")
        assert (done.code, done.out) == (2, ""), arguments
        assert message in done.err
        assert done.err.count("\n") == 1, done.err
    assert not (tmp_path / "x.png").exists()


def test_repeats_are_refused_two_pictures_in_one_file_and_a_method_without_effect(
    program: Callable[..., Any], run: Run, tmp_path: Path
) -> None:
    cases = [
        (["--out", "x.png", "--outcomes", "x.png"], "--out and --outcomes are one file, x.png; give each a file"),
        (["--trajectory", "x.png", "--outcomes", str(tmp_path / "x.png")], "--trajectory and --outcomes are one file"),
        (["--method", "nonsense"], "--method has no effect without a trajectory: --trajectory FILE"),
        (["--method", "nonsense", "--trajectory", "x.png"], "there is no method 'nonsense'"),
    ]
    for arguments, message in cases:
        done = program("recurse", str(run.folder), "flip_lr", "--repeats", "1", "--images", "5", *arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert message in done.err
        assert done.err.count("\n") == 1, done.err
    assert not (tmp_path / "x.png").exists()


def test_what_cannot_be_undone_is_refused(run: Run) -> None:
    with pytest.raises(NotInvertibleError, match="canny"):
        LatentTransform(run, "id", view="canny")


def test_lines_samples_and_repeats_are_drawn(program: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    folder = str(run.folder)
    done = program("interpolate", folder, "1", "4", "--word", "flip_lr", "--steps", "5", "--out", "line.png", "--json")
    assert done.code == 0, done.err
    assert done.data["rows"] == ["id", "flip_lr"]
    assert read(tmp_path / "line.png").shape == (2 * (3 * SIDE + 2) + 2, 5 * (3 * SIDE + 2) + 2)

    done = program("sample", folder, "--n", "4", "--word", "flip_lr * flip_ud", "--out", "sample.png", "--json")
    assert done.code == 0, done.err
    assert len(done.data["rows"]) == 5 * 2
    assert read(tmp_path / "sample.png").shape == (10 * (3 * SIDE + 2) + 2, 4 * (3 * SIDE + 2) + 2)

    done = program("recurse", folder, "flip_lr", "--repeats", "3", "--images", "10", "--out", "again.png", "--json")
    assert done.code == 0, done.err
    answer = done.data
    assert set(answer["curves"]) == {"plain", "refined", "latent"}
    assert answer["cost"] > 0
    assert all(len(curve["bce"]) == len(curve["kept"]) == 3 for curve in answer["curves"].values())
    assert answer["curves"]["latent"]["bce"][1] == pytest.approx(answer["floor"][1], rel=1e-4)
    assert (tmp_path / "again.png").read_bytes().startswith(b"\x89PNG")


def test_a_transform_gives_what_the_operator_gives(run: Run, data: Dataset, catalog: Catalog) -> None:
    images = data.test.batch(slice(4))[0]
    flip = LatentTransform(run, "flip_lr * flip_ud")
    torch.testing.assert_close(flip(images), expected(run, images, "flip_lr * flip_ud"))
    torch.testing.assert_close(LatentTransform(run.folder, "flip_lr * flip_ud", catalog=catalog)(images), flip(images))
    assert flip(images.double()).dtype == torch.float64
    assert flip(images[:0]).shape == (0, 1, SIDE, SIDE)
    assert not flip(images).requires_grad
    shown = repr(flip)
    assert "flip_lr * flip_ud" in shown
    with pytest.raises(ImageError, match=r"pixels must lie in \[0, 1\]; here they reach from 0 to 255"):
        flip(images * 255)
    with pytest.raises(ImageError, match="this latent space was made for images of 16×16"):
        flip(images[..., 1:])


def test_a_head_that_relabels_reuses_operators(run: Run, data: Dataset) -> None:
    images = data.test.batch(slice(4))[0]
    codes = run.registry.operator("flip_lr").apply(run.space.encode(images))
    torch.testing.assert_close(LatentTransform(run, "shear_x", head="new")(images), run.space.decode(codes, "new"))
    with pytest.raises(AugalgebraError, match="no operator for shear_x"):
        LatentTransform(run, "shear_x")


def test_a_transform_takes_its_place_in_albumentations(run: Run, data: Dataset, monkeypatch: Any) -> None:
    monkeypatch.setenv("NO_ALBUMENTATIONS_UPDATE", "1")
    import albumentations

    flip = LatentTransform(run, "flip_lr")
    pipeline = albumentations.Compose([as_albumentations(flip)])
    whole = data.test.images[0, 0].numpy()
    moved = flip(data.test.batch(slice(1))[0])[0, 0].numpy()
    np.testing.assert_array_equal(pipeline(image=whole)["image"], (moved * 255).round().astype(np.uint8))
    floats = pipeline(image=(whole / 255).astype(np.float32)[..., None])["image"]
    np.testing.assert_allclose(floats[..., 0], moved, atol=1e-6)
    untouched = albumentations.Compose([as_albumentations(flip, p=0.0)])(image=whole)["image"]
    np.testing.assert_array_equal(untouched, whole)


def test_half_of_a_flip_lies_between(run: Run, data: Dataset, catalog: Catalog) -> None:
    pair = data.test.batch(slice(2))[0]
    word = [catalog.word("flip_lr")]
    drawn = interpolate(run, pair, word, steps=2, powers=3)
    torch.testing.assert_close(drawn[0], run.space.decode(run.space.encode(pair)).detach())
    torch.testing.assert_close(drawn[2], expected(run, pair, "flip_lr"), rtol=1e-3, atol=1e-4)
    with pytest.raises(AugalgebraError, match="ask for at least 2"):
        interpolate(run, pair, word, steps=1)


def test_samples_depend_on_the_seed_alone(run: Run, data: Dataset) -> None:
    words = [run.registry.catalog.word("flip_lr")]
    first, again, other = (sample(run, data, words, number=3, seed=seed) for seed in (1, 1, 2))
    for kind in ("box", "gaussian"):
        assert torch.equal(first[kind], again[kind])
        assert not torch.equal(first[kind], other[kind])
        assert first[kind].shape == (1, 3, 1, SIDE, SIDE)


def test_parts_are_shown_and_swapped(program: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    folder = str(run.folder)
    done = program("partition", folder, "--json")
    assert done.code == 0, done.err
    assert (done.data["group"], sum(part["dim"] for part in done.data["parts"])) == ("Z2×Z2", run.space.dim)
    assert sum(part["share"] for part in done.data["parts"]) == pytest.approx(1)
    shown = program("partition", folder)
    assert "changed by flip_lr and flip_ud" in shown.out

    done = program("partition", folder, "--swap", "0", "3", "--out", "swapped.png", "--json")
    assert done.code == 0, done.err
    assert (done.data["swapped"], done.data["view"]) == ([0, 3], "flip_lr")
    assert set(done.data["swap"]["scores"]["parts swapped"]) == {"content", "view"}
    assert read(tmp_path / "swapped.png").shape == (3 * (3 * SIDE + 2) + 2, 6 * (3 * SIDE + 2) + 2)


def test_parts_of_what_is_not_there_are_refused(program: Callable[..., Any], run: Run, tmp_path: Path) -> None:
    folder = str(run.folder)
    ungrouped = Run.load(folder, run.registry.catalog)
    ungrouped.folder, ungrouped.revision = tmp_path / "ungrouped", ""
    ungrouped.registry.remove(run.registry.catalog.word("flip_lr"))
    ungrouped.save()
    for arguments, message in (
        ((folder, "--swap", "0", "99", "--out", "x.png"), "there is no test image 99"),
        ((folder, "--swap", "0", "1"), "--swap draws a picture: name its file, such as --out swapped.png"),
        ((folder, "--out", "x.png"), "--out has no effect without two images to swap parts of: --swap A B"),
        ((folder, "--factors"), "were drawn from is not known; of glyphs, pendulum and morpho it is"),
        ((str(ungrouped.folder),), "has no parts: its operators (flip_ud) make no finite group"),
    ):
        done = program("partition", *arguments)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
        assert message in done.err


def test_a_swap_under_a_word_that_turns_the_frame_is_refused(program: Callable[..., Any], tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    images, labels = generator.integers(0, 256, (60, 8, 12), dtype=np.uint8), np.arange(60) % 3
    np.savez(tmp_path / "wide.npz", images=images, labels=labels)
    settings = TrainSettings(data=str(tmp_path / "wide.npz"), width=2, dim=4, epochs=1)
    train(tmp_path / "wide", settings, load_catalog())
    done = program("partition", "wide", "--swap", "0", "1", "--view", "rotate_cw", "--out", "x.png")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1), done.err
    assert "rotate_cw turns images of 8×12 into 12×8 pixels" in done.err
    assert not (tmp_path / "x.png").exists()
    done = program("partition", "wide", "--swap", "0", "1", "--view", "rotate_180", "--out", "x.png")
    assert done.code == 0, done.err
