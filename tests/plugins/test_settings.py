"""Settings and probabilities of albumentations' transforms: none is dropped, and none is ignored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import albumentations as A
import pytest
import yaml

import augalgebra as aa
from augalgebra.checks.inversion.pipelines import invert_pipeline

CATALOG = aa.load_catalog(aa.Settings())
Program = Callable[..., Any]


def form(*nodes: dict[str, Any], **settings: Any) -> dict[str, Any]:
    """A composition as albumentations writes it."""
    return {"__version__": "2.0.8", "transform": node("Compose", transforms=list(nodes), **settings)}


def node(name: str, **settings: Any) -> dict[str, Any]:
    return {"__class_fullname__": name, "p": 1.0, **settings}


MISSPELT = node("Affine", rotation=[90, 90])
FORMS = {
    "alone": {"transform": MISSPELT},
    "Compose": form(MISSPELT),
    "after others": form(node("HorizontalFlip"), MISSPELT),
    "OneOf": form(node("OneOf", transforms=[node("Transpose"), MISSPELT])),
    "SomeOf": form(node("SomeOf", n=1, replace=False, transforms=[MISSPELT])),
    "Sequential": form(node("Sequential", transforms=[node("Sequential", transforms=[MISSPELT])])),
    "RandomOrder": form(node("RandomOrder", n=1, replace=False, transforms=[MISSPELT])),
    "ReplayCompose": {"transform": node("ReplayCompose", save_key="replay", transforms=[MISSPELT])},
    "record": {**node("ReplayCompose"), "applied": True, "params": None,
               "transforms": [{**MISSPELT, "applied": True, "params": {"shape": [8, 8, 3]}}]},
}  # fmt: skip


@pytest.mark.parametrize("where", FORMS)
@pytest.mark.parametrize("suffix", ["json", "yaml", "yml"])
def test_an_unknown_setting_in_a_file_is_refused_wherever_it_stands(tmp_path: Path, where: str, suffix: str) -> None:
    file = tmp_path / f"policy.{suffix}"
    file.write_text(json.dumps(FORMS[where]) if suffix == "json" else yaml.safe_dump(FORMS[where]))
    with pytest.raises(aa.AugalgebraError, match="Affine has no setting 'rotation'; did you mean rotate") as caught:
        invert_pipeline(CATALOG, str(file), size=12)
    assert "\n" not in str(caught.value)


TEXTS = {
    "Affine(rotation=(90, 90))": "Affine has no setting 'rotation'; did you mean rotate?",
    "Compose([HorizontalFlip(p=1), Affine(rotation=(90, 90), p=1)])": "has no setting 'rotation'; did you mean rotate?",
    "Compose([OneOf([Solarize(threshold=(0.5, 0.5))])])": "'threshold'; did you mean threshold_range?",
    "Sequential([Posterize(bits=3)])": "Posterize has no setting 'bits'; did you mean num_bits?",
    "Compose([NoOp(p=1)], probability=1)": "Compose has no setting 'probability'",
    "OneOf([NoOp(p=1)], n=2)": "OneOf has no setting 'n'",
    "HorizontalFlip(always_apply=True)": "HorizontalFlip has no setting 'always_apply'; it has p",
    "Solarize((0.5, 0.5), 1, 2)": "Solarize: too many positional arguments",
    "Solarize((0.5, 0.5), threshold_range=(0, 1))": "Solarize: multiple values for argument 'threshold_range'",
    # albumentations warns of what its checks stumble over, and takes the defaults instead
    "Affine(scale={'x': 'wide'})": "albumentations.Affine: ",
}


@pytest.mark.parametrize("text", TEXTS)
def test_an_unknown_setting_in_a_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(aa.AugalgebraError) as caught:
        invert_pipeline(CATALOG, f"albumentations:{text}", size=12)
    assert TEXTS[text] in str(caught.value)
    assert "\n" not in str(caught.value)


SAVED: dict[str, dict[str, Any]] = {
    "SafeRotate": {"limit": (90, 90)},
    "PadIfNeeded": {"min_height": 40, "min_width": 40},
    "RGBShift": {},
    "ShiftScaleRotate": {},
    "PiecewiseAffine": {},
    "TimeMasking": {},
    "Affine": {"scale": {"x": (2, 2), "y": (1, 1)}},
    "CropAndPad": {"percent": 0.1},
}


@pytest.mark.parametrize("name", SAVED)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_what_albumentations_itself_writes_can_be_read(name: str) -> None:
    """It also writes what a class takes from its parents, which is no setting."""
    written = json.dumps(A.to_dict(A.Compose([getattr(A, name)(**SAVED[name], p=1)])))
    (steps,) = CATALOG.managers["albumentations"].hook.augalg_pipeline(source=written)
    assert [step.name.partition("(")[0] for step in steps] == [name]


def test_what_a_class_takes_from_its_parents_cannot_be_another_value() -> None:
    written = A.to_dict(A.PadIfNeeded(40, 40, p=1))
    written["transform"]["padding"] = 7
    with pytest.raises(aa.AugalgebraError, match="PadIfNeeded has no setting 'padding'"):
        invert_pipeline(CATALOG, json.dumps(written), size=12)


RARELY = {
    "alone": ({"transform": node("HorizontalFlip", p=0.5)}, "step 1, HorizontalFlip, happens with probability 0.5"),
    "outermost": (form(node("HorizontalFlip"), p=0.5), "step 1, Compose, happens with probability 0.5"),
    "nearly always": (form(node("HorizontalFlip", p=0.999)), "step 1, HorizontalFlip, happens with probability 0.999"),
    "nested Compose": (
        form(node("Transpose"), node("Compose", p=0.5, transforms=[node("HorizontalFlip")])),
        "step 2, Compose, happens with probability 0.5",
    ),
    "Sequential": (
        form(node("Sequential", p=0.3, transforms=[node("HorizontalFlip")])),
        "step 1, Sequential, happens with probability 0.3",
    ),
    "deep": (
        form(node("Sequential", transforms=[node("NoOp"), node("Compose", transforms=[node("Transpose", p=0.1)])])),
        "step 2, Transpose, happens with probability 0.1",
    ),
    "OneOf": (form(node("OneOf", transforms=[node("Transpose"), node("NoOp")])), "applies one of several at random"),
    "SomeOf": (
        form(node("SomeOf", n=1, replace=False, transforms=[node("Transpose"), node("NoOp")])),
        "applies some of several at random",
    ),
    "no p": ({"transform": {"__class_fullname__": "Transpose"}}, "Transpose, happens with probability 0.5"),
    "in a ReplayCompose": (
        {"transform": node("ReplayCompose", transforms=[node("Rotate", limit=[-90, 90])], save_key="replay")},
        "draws its parameters at random",
    ),
    "a crop larger than most": (form(node("RandomCrop", height=500, width=500)), "draws its parameters at random"),
}  # fmt: skip


@pytest.mark.parametrize("case", RARELY)
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_a_probability_in_a_file_is_never_ignored(program: Program, tmp_path: Path, case: str, suffix: str) -> None:
    written, message = RARELY[case]
    (tmp_path / f"policy.{suffix}").write_text(json.dumps(written) if suffix == "json" else yaml.safe_dump(written))
    for command in (["invert"], ["register", "--dry-run"]):
        done = program(command[0], f"policy.{suffix}", *command[1:])
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert message in done.err
    # with a seed it is a function of the image, and chance decides as it does for albumentations
    assert program("register", f'albumentations:serialized("policy.{suffix}", seed=1)', "--dry-run").code in (0, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("HorizontalFlip(p=0.5)", "step 1, HorizontalFlip, happens with probability 0.5"),
        ("Compose([HorizontalFlip(p=1)], p=0.5)", "step 1, Compose, happens with probability 0.5"),
        ("Compose([Compose([HorizontalFlip(p=1)], p=0.9)])", "step 1, Compose, happens with probability 0.9"),
    ],
)
def test_a_probability_in_a_text_is_never_ignored(program: Program, text: str, message: str) -> None:
    done = program("invert", f"albumentations:{text}")
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err


def test_the_cases_that_went_wrong(program: Program, tmp_path: Path) -> None:
    old = form(node("HorizontalFlip"), node("Solarize", threshold=[200, 200]), bbox_params=None, keypoint_params=None)
    (tmp_path / "old.json").write_text(json.dumps(old))
    for command in (["invert", "old.json"], ["register", "old.json"]):
        done = program(*command)
        assert (done.code, done.out) == (2, "")
        assert "Solarize has no setting 'threshold'; did you mean threshold_range?" in done.err
    assert not (tmp_path / "augalg.toml").exists()


@pytest.mark.parametrize(
    "damaged",
    ["[]", "3", '{"transform": []}', '{"transform": {"__class_fullname__": 3}}', '{"transform": {"p": 1}}',
     '{"transform": {"__class_fullname__": "Compose", "transforms": 3}}', '{"a": ' * 5000, "{]", ""],
)  # fmt: skip
@pytest.mark.parametrize("suffix", ["json", "yaml"])
def test_what_is_no_pipeline_gets_one_line(tmp_path: Path, damaged: str, suffix: str) -> None:
    (tmp_path / f"bad.{suffix}").write_text(damaged)
    with pytest.raises(aa.AugalgebraError, match="this is no serialized transform") as caught:
        invert_pipeline(CATALOG, str(tmp_path / f"bad.{suffix}"), size=12)
    assert len(str(caught.value)) < 300
