"""The adapter of kornia, against kornia itself, and its refusals."""

import inspect
import subprocess
import sys
from typing import Any

import pytest
import torch

import augalgebra as aa
from augalgebra.catalog import examples_of
from augalgebra.checks import invert_pipeline, undo
from augalgebra.errors import NotInvertibleError

K = pytest.importorskip("kornia.augmentation", reason="the extra kornia is not installed")
CATALOG = aa.load_catalog(aa.Settings())
IMAGES = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("word", "module"),
    [
        ("RandomHorizontalFlip", K.RandomHorizontalFlip(p=1)),
        ("RandomRotation(degrees=(30, 30))", K.RandomRotation((30.0, 30.0), p=1)),
        ("RandomAffine((9, 9), scale=(0.8, 0.8))", K.RandomAffine((9.0, 9.0), scale=(0.8, 0.8), p=1)),
        ("CenterCrop((5, 7))", K.CenterCrop((5, 7))),
        ("Resize((5, 7))", K.Resize((5, 7))),
        ("RandomSolarize((0.3, 0.3), (0.1, 0.1))", K.RandomSolarize((0.3, 0.3), (0.1, 0.1), p=1)),
        ("RandomBoxBlur", K.RandomBoxBlur(p=1)),
        ("RandomGrayscale(rgb_weights=(0.2, 0.3, 0.5))", K.RandomGrayscale(torch.tensor([0.2, 0.3, 0.5]), p=1)),
        (
            "RandomFisheye((0.1, 0.1), (0.2, 0.2), (0.9, 0.9))",
            K.RandomFisheye(*(torch.tensor([n, n]) for n in (0.1, 0.2, 0.9)), p=1),
        ),
    ],
)
def test_a_batch_is_what_kornia_makes_of_it(word: str, module: Any) -> None:
    before, state = IMAGES.clone(), torch.get_rng_state()
    moved = CATALOG.apply(f"kornia.{word}", IMAGES)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(IMAGES, before)
    assert torch.allclose(moved, module(IMAGES), atol=1e-6)
    one = CATALOG.apply(f"kornia.{word}", IMAGES[1:2])
    assert torch.allclose(one, moved[1:2], atol=1e-6)
    assert CATALOG.apply(f"kornia.{word}", IMAGES[:0]).shape == (0, *moved.shape[1:])
    assert CATALOG.apply(f"kornia.{word}", IMAGES.double()).dtype == torch.float64


def test_pictures_stay_in_range_and_share_no_memory() -> None:
    assert float(K.RandomContrast((3.0, 3.0), clip_output=False, p=1)(IMAGES).max()) > 2
    moved = CATALOG.apply("kornia.RandomContrast((3, 3), clip_output=0)", IMAGES)
    assert float(moved.max()) == 1
    same = CATALOG.apply("kornia.CenterCrop(12)", IMAGES)
    assert torch.equal(same, IMAGES)
    assert same.data_ptr() != IMAGES.data_ptr()


def test_gradients_pass_through() -> None:
    images = IMAGES.clone().requires_grad_()
    CATALOG.apply("kornia.RandomGaussianBlur(kernel_size=(3, 3), sigma=(1, 1))", images).sum().backward()
    assert images.grad is not None
    assert float(images.grad.abs().sum()) > 0


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("RandomInvertt", "has no augmentation 'RandomInvertt'; did you mean RandomInvert?"),
        ("AugmentationSequential", "is made of others"),
        ("RandomMixUpV2", "mixes the pictures of a batch"),
        ("RandomAffine3D((0, 0))", "is for volumes, not pictures"),
        ("RandomDissolving", "downloads a diffusion model"),
        ("RandomInvert(p=0.5)", "has no parameter 'p'"),
        ("RandomInvert(max_value=1)", "has no parameter 'max_value'"),
        ("RandomGaussianNoise", "draws random numbers, so that it is not one function of the image; kornia draws them"),
        ("RandomRotation(degrees=(10, 20))", "fix its ranges, for example degrees=\\(20, 20\\)"),
        ("RandomRotation(degrees=(10, 20, 30))", "kornia.RandomRotation: "),
    ],
)
def test_what_is_no_function_is_refused_in_one_line(word: str, message: str) -> None:
    with pytest.raises(aa.AugalgebraError, match=message) as caught:
        CATALOG.apply(f"kornia.{word}", IMAGES)
    assert "\n" not in str(caught.value)


def test_every_class_is_resolved_or_refused_in_one_line() -> None:
    resolved, refusals = 0, []
    for name, item in inspect.getmembers(K, inspect.isclass):
        if not issubclass(item, torch.nn.Module):
            continue
        try:
            resolved += not CATALOG.resolve(f"kornia.{name}").random
        except aa.AugalgebraError as error:
            refusals.append(str(error))
    assert resolved > 50
    assert refusals
    assert not any("\n" in refusal for refusal in refusals)


@pytest.mark.parametrize("word", examples_of(CATALOG, "kornia"))
def test_examples_say_what_they_do_to_sizes(word: str) -> None:
    images = torch.rand(2, 3, 30, 41, generator=torch.Generator().manual_seed(1))
    moved = CATALOG.apply(word, images)
    shape = CATALOG.resolve(word.partition("(")[0]).shape
    assert shape == ("kept" if moved.shape == images.shape else "changed")


PIPELINE = "kornia:AugmentationSequential(RandomVerticalFlip(p=1), RandomInvert(p=1), Normalize(mean=0.5, std=0.25))"


def test_a_pipeline_is_undone_on_images() -> None:
    applied = K.AugmentationSequential(
        K.RandomVerticalFlip(p=1), K.RandomInvert(p=1), K.Normalize(mean=0.5, std=0.25), data_keys=["input"]
    )
    moved = applied(IMAGES)
    assert not torch.allclose(applied.inverse(moved), IMAGES, atol=0.1)  # which passes over what it cannot undo
    assert torch.allclose(undo(CATALOG, PIPELINE, moved), IMAGES, atol=1e-5)
    found = invert_pipeline(CATALOG, PIPELINE, size=12)
    assert found.whole.verdict == "exact"
    assert [step.verdict for step in found.steps] == ["exact"] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Sequential(RandomInvert(p=1), RandomHorizontalFlip())", "step 2, .*, happens with probability 0.5 only"),
        ("Sequential(RandomInvert(p=1, p_batch=0.5))", "has no setting 'p_batch'"),
        ("Sequential(RandomInvert(p=1), RandomRotation(20.0, p=1))", "step 2, .*, draws its parameters at random"),
        ("Sequential(Normalize(0.5, 0.5), RandomGaussianNoise(p=1))", "step 2, .*, draws its parameters at random"),
        ("ImageSequential(RandomInvert(p=1), random_apply=1)", "step 1, ImageSequential, applies some of its"),
        ("Sequential(PatchSequential(RandomInvert(p=1)))", "step 1, PatchSequential, is a composition that cannot"),
        ("Sequential(RandomInvert(p=1), keep=3)", "has no setting 'keep'"),
        ("Sequential(RandomHorizontalFlip(p=1, p_batch=0.5))", "happens with probability 0.5 only"),
        ("Sequential(RandomInvert(q=1))", "has no setting 'q'"),
        ("Sequential(RandomInvert(p=2))", "a probability is a number from 0 to 1"),
        ("Sequential(RandomInvert(max_val=open('x')))", "is not a literal"),
        ("Sequential(3)", "is no augmentation with its settings"),
        ("Sequential(", "cannot be read"),
        ("Sequential(*[RandomInvert(p=1)])", "not with"),
        ("RandomInvert(1.0, max_val=1.0)", "max_val is given twice"),
    ],
)
def test_a_pipeline_that_is_no_function_is_refused_by_step(text: str, message: str) -> None:
    with pytest.raises(aa.AugalgebraError, match=message) as caught:
        invert_pipeline(CATALOG, f"kornia:{text}", size=12)
    assert "\n" not in str(caught.value)


def test_a_step_that_cannot_be_undone_is_named_and_not_passed_over() -> None:
    text = "kornia:Sequential(RandomHorizontalFlip(p=1), RandomPosterize(bits=(3, 3), p=1))"
    with pytest.raises(NotInvertibleError, match=r"step 2, RandomPosterize\(bits=\(3, 3\)\), cannot be undone"):
        undo(CATALOG, text, IMAGES)


def test_what_never_happens_is_no_step() -> None:
    found = invert_pipeline(CATALOG, "kornia:Sequential(RandomPosterize(p=0), RandomHorizontalFlip(p=1))", size=12)
    assert [step.name for step in found.steps] == ["RandomHorizontalFlip"]


def test_settings_that_are_no_numbers_count_in_a_pipeline() -> None:
    text = "RandomRotation((30.0, 30.0), resample='nearest', align_corners=False, p=1)"
    (step,) = CATALOG.managers["kornia"].hook.augalg_pipeline(source=f"kornia:Sequential({text})")[0]
    expected = K.RandomRotation((30.0, 30.0), resample="nearest", align_corners=False, p=1)(IMAGES)
    assert torch.allclose(CATALOG.apply(step.word, IMAGES), expected, atol=1e-6)


def test_points_follow_the_geometry() -> None:
    text = "kornia:Sequential(RandomHorizontalFlip(p=1), RandomPosterize(bits=(3, 3), p=1))"
    back = undo(CATALOG, text, torch.tensor([[[0.0, 3]]]), kind="points", size=(6, 8))
    assert back.tolist() == [[[7.0, 3.0]]]


HIDDEN = """
import sys
class Hide:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Hide())
import torch, augalgebra as aa
catalog = aa.load_catalog(aa.Settings())
"""


def run_without(hidden: set[str], code: str) -> subprocess.CompletedProcess[str]:
    script = HIDDEN.format(hidden=sorted(hidden)) + code
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=250, check=False)


def test_without_kornia_one_line_says_how_to_get_it() -> None:
    done = run_without(
        {"kornia"},
        "assert all(info.status == 'loaded' for info in catalog.plugins)\n"
        "try: catalog.resolve('kornia.RandomInvert')\n"
        "except aa.AugalgebraError as error: print(error)\n",
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'augalgebra[kornia]'" in done.stdout
    assert done.stdout.count("\n") == 1


OTHERS = (
    "flip_lr flip_ud rotate_cw rotate_ccw rotate_180 transpose anti_transpose rotate(33) scale(0.7) shear_x "
    "shear_y(20) translate(1,-2) roll(2,-5) invert gamma(0.5) brightness(0.5) contrast(0.5) solarize threshold "
    "posterize equalize gaussian_blur edge_detect canny mini_image sap_noise tl_sap_noise do_nothing"
)


def test_nothing_of_the_other_plugins_needs_albumentations_or_kornia() -> None:
    done = run_without(
        {"albumentations", "albucore", "kornia"},
        f"images = torch.rand(2, 1, 16, 16)\n"
        f"for word in {OTHERS.split()}:\n"
        "    if not catalog.resolve(word.partition('(')[0]).probes: catalog.apply(word, images)\n"
        "from augalgebra.checks import invert_pipeline\n"
        "assert invert_pipeline(catalog, 'flip_lr * rotate_cw', size=12).whole.verdict == 'exact'\n",
    )
    assert done.returncode == 0, done.stderr


def test_inverses_are_found_on_images_without_albumentations() -> None:
    done = run_without(
        {"albumentations", "albucore"},
        "from augalgebra.checks import invert_pipeline\n"
        "found = invert_pipeline(catalog, 'kornia:Sequential(RandomRotation90((1, 1), p=1))', size=12)\n"
        "print(found.whole.verdict, catalog.display(found.whole.inverse))\n",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "exact rotate_cw\n"


def test_kornia_is_imported_only_when_it_is_used() -> None:
    script = (
        "import sys, augalgebra as aa; catalog = aa.load_catalog(aa.Settings());"
        "assert catalog.equal('flip_lr * flip_lr', 'id').equal; assert 'kornia' in catalog.managers;"
        "assert not {'kornia', 'torch'} & set(sys.modules);"
        "catalog.resolve('kornia.RandomInvert'); assert 'kornia' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=250)
