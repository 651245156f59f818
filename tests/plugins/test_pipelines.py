"""Pipelines of albumentations, read as steps."""

from pathlib import Path

import albumentations as A
import pytest
import torch
from augalg_albumentations import pipelines

import augalgebra as aa
from augalgebra.catalog import examples_of, read_pipeline
from augalgebra.checks.inversion.pipelines import invert_pipeline, undo
from augalgebra.errors import NotInvertibleError

CATALOG = aa.load_catalog(aa.Settings())
IMAGES = torch.rand(3, 3, 12, 12, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_saved_pipeline_is_undone(tmp_path: Path, suffix: str) -> None:
    quarter = A.Rotate(limit=(90, 90), p=1)
    inner = A.Sequential([A.Transpose(p=1), A.VerticalFlip(p=0)], p=1)
    pipeline = A.Compose([A.HorizontalFlip(p=1), quarter, inner])
    file = tmp_path / f"policy.{suffix}"
    A.save(pipeline, file, data_format=suffix)
    moved = torch.stack(
        [torch.from_numpy(pipeline(image=image.permute(1, 2, 0).numpy())["image"]).permute(2, 0, 1) for image in IMAGES]
    )
    found = invert_pipeline(CATALOG, str(file), size=12)
    assert [step.name for step in found.steps] == ["HorizontalFlip", "Rotate(limit=(90.0, 90.0))", "Transpose"]
    assert [(step.verdict, step.basis) for step in found.steps] == [
        ("exact", "laws"),
        ("exact", "images"),
        ("exact", "laws"),
    ]
    torch.testing.assert_close(undo(CATALOG, str(file), moved), IMAGES)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Compose([Transpose(p=0.5)])", "step 1, Transpose, happens with probability 0.5 only"),
        ("Compose([Transpose(p=1), GaussNoise(p=1)])", "step 2, GaussNoise, draws its parameters at random"),
        ("Compose([OneOf([Transpose(p=1), NoOp(p=1)])])", "step 1, OneOf, applies one of several at random"),
        ("D4()", "step 1, D4, draws its parameters at random"),
        ("Compose([Transposed()])", "no transform 'Transposed'; did you mean Transpose?"),
        ("Compose([Transpose(p=1)", "cannot read .* as a pipeline"),
        ("Compose([__import__('os').getcwd()])", "is no transform"),
        ("Compose([Solarize(threshold_range=(2, 3))])", "albumentations.Solarize: threshold_range: Value error"),
    ],
)
def test_what_is_no_function_or_cannot_be_read_is_told_in_one_line(text: str, message: str) -> None:
    with pytest.raises(aa.AugalgebraError, match=message) as caught:
        invert_pipeline(CATALOG, f"albumentations:{text}", size=12)
    assert "\n" not in str(caught.value)


def test_steps_are_words_where_their_settings_can_be_written() -> None:
    (step,) = pipelines.steps_of("albumentations:Solarize(threshold_range=(0.25, 0.25))")
    word = CATALOG.word(step.word)
    assert CATALOG.display(word) == "albumentations.Solarize((0.25, 0.25), 0)"
    assert CATALOG.word(CATALOG.display(word)) == word
    assert step.problem == ""
    (other,) = pipelines.steps_of("albumentations:Affine(scale={'x': (2, 2), 'y': (1, 1)})")
    assert other.word.symbols[0].name == "albumentations.serialized"
    moved = CATALOG.apply(other.word, IMAGES)
    expected = A.Affine(scale={"x": (2, 2), "y": (1, 1)}, p=1)(image=IMAGES[0].permute(1, 2, 0).numpy())["image"]
    torch.testing.assert_close(moved[0].permute(1, 2, 0), torch.from_numpy(expected))


def test_a_word_is_no_pipeline_of_theirs() -> None:
    assert read_pipeline(CATALOG, "flip_lr * rotate(30)") is None


def test_examples_are_functions_at_fixed_parameters() -> None:
    words = examples_of(CATALOG, "albumentations")
    assert len(set(words)) >= 40
    for text in words:
        CATALOG.word(text)
    with pytest.raises(aa.AugalgebraError, match="plugin dihedral gives no examples"):
        examples_of(CATALOG, "dihedral")
    with pytest.raises(aa.AugalgebraError, match="unknown plugin 'albumentation'"):
        examples_of(CATALOG, "albumentation")


@pytest.mark.parametrize("last", ["ToTensorV2()", "ToTensorV2(p=1)", ""])
@pytest.mark.parametrize("white", [1.0, 255.0])
def test_a_pipeline_that_ends_as_everybodys_is_undone(last: str, white: float) -> None:
    """Against what albumentations makes of bytes and of numbers up to 1; white is 1 for both."""
    pipeline = A.Compose([A.HorizontalFlip(p=1), A.Normalize(max_pixel_value=white)])
    pictures = (IMAGES * 255).round().permute(0, 2, 3, 1).numpy()
    given = pictures.astype("uint8") if white == 255 else pictures / 255
    moved = torch.stack([torch.from_numpy(pipeline(image=item)["image"]).permute(2, 0, 1) for item in given])
    assert float(moved.min()) < -1
    assert float(moved.max()) > 2
    text = f"Compose([HorizontalFlip(p=1), Normalize(max_pixel_value={white}, p=1), {last.replace('()', '(p=1)')}])"
    found = invert_pipeline(CATALOG, f"albumentations:{text}", size=12)
    assert [step.verdict for step in (*found.steps, found.whole)] == ["exact"] * (len(found.steps) + 1)
    torch.testing.assert_close(
        found.undo(moved), torch.from_numpy(pictures / 255).permute(0, 3, 1, 2), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("ToFloat(max_value=255)", "exact"),
        ("Compose([ToFloat(p=1), Transpose(p=1), FromFloat(p=1)])", "exact"),
        ("Normalize(mean=0.5, std=0.25)", "exact"),
        ("Normalize(mean=(0, 0, 0), std=(1, 1, 1), max_pixel_value=1)", "exact"),
        ("Normalize(normalization='min_max')", "impossible"),  # it forgets by how much it scaled
        ("Compose([Normalize(p=1), Rotate(limit=(180, 180), p=1)])", "exact"),
    ],
)
def test_what_leaves_the_range_is_judged_on_its_own(text: str, verdict: str) -> None:
    found = invert_pipeline(CATALOG, f"albumentations:{text}", size=12)
    assert found.whole.verdict == verdict
    assert verdict == "exact" or "equal results" in found.whole.reason


def test_what_comes_after_a_normalization_is_not_clipped() -> None:
    turn = A.Rotate(limit=(180, 180), p=1)
    pipeline = A.Compose([A.Normalize(max_pixel_value=1, p=1), turn])
    moved = torch.stack([torch.from_numpy(pipeline(image=image.permute(1, 2, 0).numpy())["image"]) for image in IMAGES])
    text = "albumentations:Compose([Normalize(max_pixel_value=1, p=1), Rotate(limit=(180, 180), p=1)])"
    torch.testing.assert_close(undo(CATALOG, text, moved.permute(0, 3, 1, 2)), IMAGES, atol=1e-5, rtol=0)


def test_a_division_by_nothing_is_refused() -> None:
    for std in ("(0, 1, 1)", "0"):
        with pytest.raises(aa.AugalgebraError, match=r"step 1, Normalize.* divides by a standard deviation of 0"):
            invert_pipeline(CATALOG, f"albumentations:Normalize(std={std}, mean=0)", size=12)


@pytest.mark.parametrize(
    "pipeline",
    [
        "kornia:AugmentationSequential(Normalize(mean=0.5, std=0.25), RandomGamma(gamma=(2.0, 2.0), p=1))",
        "kornia:ImageSequential(Normalize(0.5, 0.25), RandomGamma(gamma=(2.0, 2.0), p=1), RandomVerticalFlip(p=1))",
        "albumentations:Compose([Normalize(mean=0.5, std=0.25), RandomBrightnessContrast((0.2, 0.2), (0, 0), p=1)])",
    ],
)
def test_what_would_be_undone_in_the_range_is_tried_where_a_step_leads_out_of_it(pipeline: str) -> None:
    found = invert_pipeline(CATALOG, pipeline, size=12)
    assert all(step.inverse is not None for step in found.steps)
    assert found.whole.verdict == "impossible"  # black and grey come out alike
    with pytest.raises(NotInvertibleError):
        found.undo(IMAGES, accept=["approximate", "one-sided"])


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("p", [0, 0.5, 1])
@pytest.mark.parametrize("other", ["VerticalFlip", "D4"])
def test_one_or_the_other_is_always_applied(seed: int, p: float, other: str) -> None:
    pipeline = A.Compose([A.OneOrOther(A.HorizontalFlip(p=1), getattr(A, other)(p=1), p=p)], seed=seed)
    wanted = pipeline(image=IMAGES[0].permute(1, 2, 0).numpy())["image"].copy()
    text = f"albumentations:Compose([OneOrOther(HorizontalFlip(p=1), {other}(p=1), p={p})], seed={seed})"
    moved = aa.Pipeline(text, CATALOG)(IMAGES[:1])[0]
    torch.testing.assert_close(moved, torch.from_numpy(wanted).permute(2, 0, 1))


def test_one_or_the_other_without_a_seed_is_no_function() -> None:
    for p in (0, 0.5, 1):
        text = f"albumentations:Compose([OneOrOther(HorizontalFlip(p=1), VerticalFlip(p=1), p={p})])"
        with pytest.raises(aa.AugalgebraError, match="step 1, OneOrOther, applies one of two at random"):
            invert_pipeline(CATALOG, text, size=12)
