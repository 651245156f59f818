"""Densities of the codes of a run: fitted, kept with it, asked by class and view, refused where they must be."""

import math
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import augalgebra as aa
from augalgebra.algebra import IDENTITY
from augalgebra.data.dataset import Dataset, Split
from augalgebra.data.loading import load_data
from augalgebra.errors import AugalgebraError, RunError
from augalgebra.latent.code_flow import CodeFlow, CodeFlowShape
from augalgebra.runs.densities.fitting import fit_density
from augalgebra.runs.run import Run
from augalgebra.runs.sampling import sample
from augalgebra.runs.stages import train
from augalgebra.runs.storage.code_density import CodeDensity
from augalgebra.runs.storage.density_store import pack_density, unpack_density
from augalgebra.runs.storage.files import DENSITY
from augalgebra.training.settings import TrainSettings

CATALOG = aa.load_catalog(aa.Settings())
PATH = Path("density.safetensors")


def few() -> Dataset:
    digits = load_data()
    cut = [Split(part.images[:60], part.labels[:60], part.first) for part in (digits.train, digits.test)]
    return Dataset("digits", *cut)


DATA = few()


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "flips"
    train(folder, TrainSettings(dim=3, width=2, epochs=1, batch_size=30), CATALOG, data=DATA)
    Run.load(folder, CATALOG).fit_density(steps=5, data=DATA)
    return folder


@pytest.fixture
def folder(kept: Path, tmp_path: Path) -> Path:
    return shutil.copytree(kept, tmp_path / "flips")


def planted() -> CodeDensity:
    """A density of two classes in two views, each of which lies elsewhere: the whitened code less its condition."""
    flow = CodeFlow(CodeFlowShape(1, 4, layers=1, width=4))
    views = (IDENTITY, CATALOG.word("flip_lr"))
    return CodeDensity(flow, (3, 8), ("three", "eight"), (0.25, 0.75), views, "0" * 64, 10, 1)


class NarrowSpace(torch.nn.Module):
    """Codes are four pixels, two of which are scaled down."""

    dim = 4

    def __init__(self) -> None:
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([1.0, 1.0, 1e-2, 3e-3]))

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return images.flatten(1) * self.scale.detach()

    def fingerprint(self) -> str:
        return "0" * 64


def test_a_mixture_is_no_worse_than_a_normal_where_codes_hardly_vary() -> None:
    generator = torch.Generator().manual_seed(0)
    pixels = (128 + 25 * torch.randn(1600, 1, 2, 2, generator=generator)).round().byte()
    train_part, test_part = (Split(half, torch.zeros(800, dtype=torch.int64)) for half in pixels.split(800))
    data = Dataset("normal", train_part, test_part)
    settings = SimpleNamespace(seed=0, augmentations=("flip_lr",))
    run: Any = SimpleNamespace(
        space=NarrowSpace(), registry=SimpleNamespace(catalog=CATALOG), settings=settings, check_data=lambda _: None
    )
    nats = fit_density(run, steps=1, data=data).nats
    # of four coordinates with deviations of a tenth, scaled
    truth = -math.log(0.1 * math.sqrt(2 * math.pi * math.e)) - math.log(1e-2 * 3e-3) / 4
    for name in ("normal", "mixture", "normals", "mixtures"):
        assert nats[name] == pytest.approx(truth, abs=0.06), name


def test_test_images_of_other_classes_alone_are_refused_before_anything_is_learned(kept: Path) -> None:
    run = Run.load(kept, CATALOG)
    data = replace(DATA, test=replace(DATA.test, labels=DATA.test.labels + 10))
    run.check_data = lambda _: None  # type: ignore[method-assign]
    with pytest.raises(AugalgebraError, match="no test image of digits has a class that training images have"):
        fit_density(run, steps=1, data=data)


def test_parts_of_data_that_are_sorted_by_class_hold_all_classes(kept: Path) -> None:
    run = Run.load(kept, CATALOG)
    order = DATA.train.labels.argsort(stable=True)
    data = replace(DATA, train=DATA.train.select(order))
    run.check_data = lambda _: None  # type: ignore[method-assign]
    assert tuple(range(10)) == fit_density(run, images=30, steps=1, data=data).classes


def test_likelihoods_stand_in_the_order_in_which_they_were_fitted(kept: Path) -> None:
    density = unpack_density((kept / DENSITY).read_bytes(), PATH)
    assert ["normal", "mixture", "normals", "mixtures", "flow"] == list(density.nats)


def test_it_lies_in_the_run_and_changes_nothing_else(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    assert run.density is not None
    assert (run.density.images, run.density.held_out, len(run.density.views)) == (60, 60, 4)
    assert set(run.density.nats) == {"normal", "mixture", "normals", "mixtures", "flow"}
    before = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".safetensors"}
    again = run.fit_density(steps=2, classes=False, data=DATA)
    assert not again.classes
    after = {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".safetensors"}
    assert {name for name in before if before[name] != after[name]} == {DENSITY}
    loaded = Run.load(folder, CATALOG).density
    assert loaded is not None
    assert pack_density(loaded) == pack_density(again)
    codes = torch.randn(7, 3)
    assert torch.equal(loaded.log_density(codes, views=2), again.log_density(codes, views=2))


def test_a_change_that_fails_leaves_the_one_that_was_there(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    before, file = run.density, (folder / DENSITY).read_bytes()

    def fit_and_fail() -> None:
        with run.transaction():
            run.fit_density(steps=1, data=DATA)
            assert run.density is not before
            run.add_operators(["nothing of the kind"], data=DATA)

    with pytest.raises(AugalgebraError, match="nothing"):
        fit_and_fail()
    assert run.density is before
    assert (folder / DENSITY).read_bytes() == file


def test_training_again_takes_it_away(folder: Path) -> None:
    settings = TrainSettings(dim=3, width=2, epochs=1, batch_size=30)
    train(folder, settings, CATALOG, data=DATA, overwrite=True)
    assert Run.load(folder, CATALOG).density is None
    assert not (folder / DENSITY).exists()


def test_one_of_another_encoder_is_refused(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    assert run.density is not None
    with run.transaction():
        run.density = replace(run.density, encoder="0" * 64)
    with pytest.raises(RunError, match="is of another encoder; files of different runs were mixed"):
        Run.load(folder, CATALOG)


def test_damaged_files_are_told() -> None:
    content = pack_density(planted())
    assert unpack_density(content, PATH).names == ("three", "eight")
    for damaged in (content[:-1], b"", content.replace(b"augalgebra.density", b"augalgebra.densitx")):
        with pytest.raises(RunError, match=r"density\.safetensors .*bring it back from a copy"):
            unpack_density(damaged, PATH)
    for change in ((b'\\"condition\\": 4', b'\\"condition\\": 3'), (b'\\"width\\": 4', b'\\"width\\": 8')):
        assert change[0] in content
        with pytest.raises(RunError, match="does not hold the density its header describes"):
            unpack_density(content.replace(*change), PATH)


def test_without_a_class_it_is_the_sum_over_classes() -> None:
    density = planted()
    for transform in density.flow.parameters():
        torch.nn.init.normal_(transform, std=0.3, generator=torch.Generator().manual_seed(0))
    codes, three, eight = torch.randn(9, 1), torch.full((9,), 3), torch.full((9,), 8)
    parts = [density.log_density(codes, labels, 1).exp() for labels in (three, eight)]
    assert not torch.allclose(*parts)
    torch.testing.assert_close(density.log_density(codes, views=1).exp(), 0.25 * parts[0] + 0.75 * parts[1])
    mixed = torch.where(torch.arange(9) % 2 == 0, three, eight)
    torch.testing.assert_close(density.log_density(codes, mixed, 1).exp()[::2], parts[0][::2])


def test_numbers_of_views_and_labels_that_there_are_not_are_refused() -> None:
    codes = torch.zeros(2, 1)
    for views in (2, -1, torch.tensor([0, 5])):
        with pytest.raises(AugalgebraError, match="views are numbers from 0 to 1"):
            planted().log_density(codes, views=views)
    nameless = CodeDensity(
        CodeFlow(CodeFlowShape(1, 2, layers=1, width=4)), (), (), (), planted().views, "0" * 64, 10, 1
    )
    with pytest.raises(AugalgebraError, match="no labels to be told; this density was fitted without classes"):
        nameless.log_density(codes, torch.tensor([3, 8]))


def test_draws_depend_on_class_view_and_seed(folder: Path) -> None:
    density = Run.load(folder, CATALOG).density
    assert density is not None
    first = density.draw(6, label=3, view=1, seed=2)
    assert torch.equal(first, density.draw(6, label=3, view=1, seed=2))
    for other in ({"label": 4, "view": 1, "seed": 2}, {"label": 3, "view": 2, "seed": 2}, {"label": 3, "view": 1}):
        assert not torch.equal(first, density.draw(6, **other))
    assert density.draw(6, seed=2).shape == (6, 3)


def test_equal_words_are_one_view() -> None:
    density = planted()
    assert density.find_view(CATALOG.word("flip_ud * flip_lr * flip_ud"), CATALOG) == 1
    with pytest.raises(AugalgebraError, match="knows no view flip_ud; it knows id, flip_lr"):
        density.find_view(CATALOG.word("flip_ud"), CATALOG)


def test_unknown_classes_are_answered_with_known_ones() -> None:
    density = planted()
    assert density.find_class("eight") == 8
    with pytest.raises(AugalgebraError, match=r"no class .eigth.; there are three, eight; did you mean eight\?"):
        density.find_class("eigth")
    with pytest.raises(AugalgebraError, match="there is no class 5"):
        density.draw(1, label=5)
    with pytest.raises(AugalgebraError, match="there is no class 5"):
        density.log_density(torch.zeros(1, 1), torch.tensor([5]))
    blind = replace(density, classes=(), names=(), shares=())
    with pytest.raises(AugalgebraError, match="no class 'three'; this density was fitted without classes"):
        blind.find_class("three")


def test_flows_alone_know_classes_and_views(folder: Path) -> None:
    run = Run.load(folder, CATALOG)
    word = CATALOG.word("flip_ud")
    drawn = sample(run, DATA, [IDENTITY, word], number=3, kinds=["flow"], label=3, view=CATALOG.word("flip_lr"))
    assert drawn["flow"].shape == (2, 3, 1, 28, 28)
    assert run.density is not None
    codes = run.density.draw(3, label=3, view=1)
    torch.testing.assert_close(drawn["flow"][1], run.space.decode(run.registry.operator(word).apply(codes)))
    with pytest.raises(AugalgebraError, match="'flow' alone knows classes and views"):
        sample(run, DATA, [IDENTITY], kinds=["flow", "box"], label=3)
    run.density = None
    with pytest.raises(RunError, match=r"has no density of its codes; .augalg density .* --fit. fits one"):
        sample(run, DATA, [IDENTITY], kinds=["flow"])


def test_data_without_classes_have_views_alone(kept: Path) -> None:
    run = Run.load(kept, CATALOG)
    same = [replace(part, labels=torch.zeros_like(part.labels)) for part in (DATA.train, DATA.test)]
    found = fit_density(run, steps=1, data=Dataset("digits", *same))
    assert (found.classes, found.flow.shape.condition) == ((), 4)
    with pytest.raises(AugalgebraError, match="at least 20 training images"):
        fit_density(run, images=19, data=DATA)


def test_the_program_fits_shows_and_draws(program: Callable[..., Any], tmp_path: Path) -> None:
    train(tmp_path / "run", TrainSettings(dim=3, width=2, seconds=0.2), CATALOG)
    for arguments, message in (
        (["density", "run"], "run has no density of its codes; 'augalg density run --fit' fits one"),
        (["density", "run", "--steps", "3"], "--steps has no effect without a fit: --fit"),
        (["sample", "run", "--kind", "flow", "--out", "x.png"], "has no density of its codes"),
    ):
        done = program(*arguments)
        assert (done.code, message in done.err) == (2, True), done.err
    done = program("density", "run", "--fit", "--steps", "3", "--images", "60", "--json")
    assert done.code == 0, done.err
    assert done.data["classes"] == [str(digit) for digit in range(10)]
    assert done.data["views"] == ["id", "flip_lr", "flip_ud", "flip_lr * flip_ud"]
    assert set(done.data["nats"]) == {"normal", "mixture", "normals", "mixtures", "flow"}
    shown = program("density", "run")
    assert "flow" in shown.out
    done = program(
        *("sample", "run", "--class", "3", "--view", "flip_lr", "--n", "2", "--out", "x.png", "--json"),
    )
    assert (done.data["class"], done.data["view"], done.data["rows"]) == ("3", "flip_lr", ["flow: id"])
    for arguments, message in (
        (["--class", "11"], "there is no class '11'; there are 0, 1, 2"),
        (["--view", "rotate_cw"], "knows no view rotate_cw; it knows id, flip_lr"),
        (["--class", "3", "--kind", "box"], "'flow' alone knows classes and views"),
        (["--class", "3", "--compare"], "--class has no effect without samples that are drawn"),
        (["--n", "9", "--compare"], "--n has no effect without samples that are drawn"),
        (["--kind", "box", "--compare"], "--kind has no effect without samples that are drawn"),
        (["--word", "flip_lr", "--compare"], "--word has no effect without samples that are drawn"),
        (["--head", "main", "--compare"], "--head has no effect without samples that are drawn"),
    ):
        done = program("sample", "run", "--out", "y.png", *arguments)
        assert (done.code, message in done.err) == (2, True), done.err
