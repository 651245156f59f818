"""Undoing on masks, logits, boxes and points, against numpy and albumentations' own boxes and keypoints."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import albumentations as A
import numpy as np
import pytest
import torch
from torch import Tensor

import augalgebra as aa
from augalgebra.checks.inversion.pipelines import invert_pipeline, undo
from augalgebra.checks.inversion.pixel_maps import source_map, stays_put
from augalgebra.errors import NotInvertibleError

CATALOG = aa.load_catalog(aa.Settings())
RNG = np.random.default_rng(0)
HEIGHT, WIDTH = 20, 28
PICTURES = RNG.random((4, HEIGHT, WIDTH, 3), dtype=np.float32)
CLASSES = RNG.integers(0, 30, (4, HEIGHT, WIDTH), dtype=np.int64)
BOXES = np.array([[1, 2, 9, 7], [3.5, 0, 20, 12.25], [0, 0, WIDTH, HEIGHT]], dtype=np.float32)
POINTS = np.array([[0, 0], [5, 11], [WIDTH - 1, HEIGHT - 1], [3.25, 8.5]], dtype=np.float32)


def tensor(picture: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)


def test_class_numbers_come_back_as_they_were() -> None:
    moved = torch.from_numpy(np.ascontiguousarray(CLASSES.transpose(0, 2, 1)))
    for text in (
        "Transpose()",
        "Compose([Transpose(p=1), InvertImg(p=1)])",
        "Compose([InvertImg(p=1), Transpose(p=1)])",
    ):
        back = undo(CATALOG, f"albumentations:{text}", moved, kind="mask")
        assert (back.dtype, back.numpy().tolist()) == (torch.int64, CLASSES.tolist())


@pytest.mark.parametrize("channels", [1, 5, 21])
@pytest.mark.parametrize(
    ("kind", "dtype"),
    [("mask", torch.uint8), ("mask", torch.int32), ("mask", torch.bool), ("mask", torch.float32),
     ("logits", torch.float16), ("logits", torch.float64)],
)  # fmt: skip
def test_any_type_and_number_of_channels(kind: Any, channels: int, dtype: torch.dtype) -> None:
    values = torch.from_numpy(np.random.default_rng(channels).normal(size=(2, channels, HEIGHT, WIDTH)) * 100).to(dtype)
    moved = values.numpy()[..., ::-1].swapaxes(2, 3)  # mirrored, then transposed
    back = undo(CATALOG, "flip_lr * posterize(3) * transpose", torch.from_numpy(moved.copy()), kind=kind)
    assert back.dtype == dtype
    assert torch.equal(back, values)


def test_logits_are_not_clamped_and_may_be_infinite() -> None:
    logits = torch.randn(2, 21, HEIGHT, WIDTH) * 50
    logits[0, 3] = -torch.inf
    assert torch.equal(undo(CATALOG, "flip_ud", logits.flip(-2), kind="logits"), logits)


def test_what_is_no_function_of_values_is_refused_for_images_and_passed_over_for_masks() -> None:
    moved = torch.from_numpy(CLASSES[:, ::-1].copy())
    with pytest.raises(NotInvertibleError, match="step 2, posterize"):
        undo(CATALOG, "flip_ud * posterize(3)", moved[:, None].float() / 30)
    assert undo(CATALOG, "flip_ud * posterize(3)", moved, kind="mask").tolist() == CLASSES.tolist()


def test_a_turned_mask_takes_the_nearest_class_and_needs_to_be_asked_for() -> None:
    blocks = np.zeros((1, 40, 40), dtype=np.int64)
    blocks[:, 10:18, 12:30] = 7
    blocks[:, 22:30, 15:25] = 12
    turn = A.Rotate(limit=(25, 25), p=1)
    mask = turn(image=np.zeros((40, 40, 3), np.float32), mask=blocks[0])["mask"]
    turned = torch.from_numpy(mask.astype(np.int64))[None]
    text = "albumentations:Rotate(limit=(25, 25))"
    with pytest.raises(NotInvertibleError, match="accept 'approximate'"):
        undo(CATALOG, text, turned, kind="mask")
    back = undo(CATALOG, text, turned, kind="mask", accept=["approximate"])
    assert set(back.unique().tolist()) == {0, 7, 12}
    wrong, before = (float((item.numpy() != blocks).mean()) for item in (back, turned))
    assert wrong < before / 4
    assert before > 0.05  # so that there was something to undo


LOCATED = {
    "HorizontalFlip": A.HorizontalFlip(p=1),
    "VerticalFlip": A.VerticalFlip(p=1),
    "Transpose": A.Transpose(p=1),
    "crop": A.Crop(2, 3, 20, 17, p=1),
    "pad": A.PadIfNeeded(40, 44, p=1),
    "quarter": A.Compose([A.Transpose(p=1), A.HorizontalFlip(p=1)]),
    "growing quarter": A.Affine(rotate=(90, 90), fit_output=True, p=1),
    "half turn": A.Rotate(limit=(180, 180), p=1),
    "shift": A.Affine(translate_px={"x": (3, 3), "y": (-2, -2)}, p=1),
    "zoom": A.Affine(scale=(1.5, 1.5), p=1),
    "several": A.Compose([A.HorizontalFlip(p=1), A.InvertImg(p=1), A.Transpose(p=1), A.PadIfNeeded(41, 37, p=1),
                          A.VerticalFlip(p=1)]),
}  # fmt: skip


@pytest.mark.parametrize("name", LOCATED)
def test_points_and_boxes_go_back_where_albumentations_took_them_from(name: str) -> None:
    pipeline = A.Compose(
        [LOCATED[name]],
        keypoint_params=A.KeypointParams("xy", remove_invisible=False),
        bbox_params=A.BboxParams("pascal_voc", label_fields=["labels"], filter_invalid_bboxes=False, min_area=0,
                                 min_visibility=0, clip=False),
    )  # fmt: skip
    inner = np.array([[6, 7, 11, 12.5], [8, 6, 15, 14]], dtype=np.float32)  # albumentations cuts off what is outside
    made = pipeline(image=PICTURES[0], keypoints=POINTS, bboxes=inner, labels=[0, 1])
    form = json.dumps(A.to_dict(A.Compose([LOCATED[name]])))
    size = (HEIGHT, WIDTH)
    points = torch.as_tensor(np.asarray(made["keypoints"], dtype=np.float64))[None]
    back = undo(CATALOG, form, points, kind="points", size=size)
    assert np.abs(back[0].numpy() - POINTS).max() < 0.02
    boxes = torch.as_tensor(np.asarray(made["bboxes"], dtype=np.float64))[None]
    assert boxes.shape[1] == 2
    back = undo(CATALOG, form, boxes, kind="boxes", size=size)
    if name == "growing quarter":  # albumentations moves these boxes a pixel away from what is in them
        boxes = boxes + torch.tensor([0.0, 1, 0, 1])
        back = undo(CATALOG, form, boxes, kind="boxes", size=size)
    assert np.abs(back[0].numpy() - inner).max() < 0.02


def test_points_of_a_turn_go_back_and_boxes_only_when_asked_for() -> None:
    turn = A.Compose([A.Rotate(limit=(25, 25), p=1)], keypoint_params=A.KeypointParams("xy", remove_invisible=False))
    made = np.asarray(turn(image=PICTURES[0], keypoints=POINTS)["keypoints"], dtype=np.float64)
    text, size = "albumentations:Rotate(limit=(25, 25))", (HEIGHT, WIDTH)
    back = undo(CATALOG, text, torch.as_tensor(made)[None], kind="points", size=size)
    assert np.abs(back[0].numpy() - POINTS).max() < 0.02
    boxes = torch.tensor([[[8.0, 6, 16, 14]]])
    with pytest.raises(NotInvertibleError, match=r"step 1, Rotate.* turns boxes, .*accept 'approximate'"):
        undo(CATALOG, text, boxes, kind="boxes", size=size)
    (around,) = undo(CATALOG, text, boxes, kind="boxes", size=size, accept=["approximate"])[0]
    corners = torch.tensor([[[x - 0.5, y - 0.5] for x in (8, 16) for y in (6, 14)]], dtype=torch.float64)
    turned = undo(CATALOG, text, corners, kind="points", size=size)[0] + 0.5
    expected = torch.cat([turned.amin(0), turned.amax(0)])
    torch.testing.assert_close(around.double(), expected, atol=1e-3, rtol=0)


def test_boxes_of_as_many_as_there_are_with_further_columns() -> None:
    boxes = [torch.tensor([[1.0, 2, 9, 7, 0.5, 3]]), torch.zeros(0, 6), torch.tensor([[0.0, 0, 28, 20, 1, 2]] * 3)]
    found = undo(CATALOG, "flip_lr * invert", boxes, kind="boxes", size=(HEIGHT, WIDTH))
    assert [part.shape for part in found] == [part.shape for part in boxes]
    assert found[0].tolist() == [[WIDTH - 9, 2, WIDTH - 1, 7, 0.5, 3]]
    assert torch.equal(found[2], boxes[2])


def test_each_image_by_what_was_drawn_for_it() -> None:
    drawn = aa.load_catalog(aa.Settings())
    word, ids = "shear_x * flip_lr", [4, 9, 2]
    dots = torch.zeros(3, 1, 40, 40)
    places = torch.tensor([[12.0, 20], [25, 14], [18, 27]])
    for k, (x, y) in enumerate(places.long().tolist()):
        dots[k, 0, y - 1 : y + 2, x - 1 : x + 2] = 1
    moved = drawn.apply(word, dots, seed=3, ids=ids)[:, 0].double()
    columns, rows = torch.arange(40.0).double(), torch.arange(40.0).double()[:, None]
    total = moved.sum((1, 2))
    centres = torch.stack([(moved * columns).sum((1, 2)) / total, (moved * rows).sum((1, 2)) / total], 1)
    assert float((centres - places).abs().max()) > 3
    back = undo(drawn, word, centres[:, None], kind="points", size=(40, 40), seed=3, ids=ids)
    torch.testing.assert_close(back[:, 0], places.double(), atol=0.1, rtol=0)


RECORDER = A.ReplayCompose(
    [
        A.HorizontalFlip(p=0.5),
        A.Sequential([A.VerticalFlip(p=0.5), A.D4(p=0.7)], p=1),
        A.OneOf([A.Transpose(p=1), A.InvertImg(p=1), A.NoOp(p=1)], p=0.8),
    ]
)


def as_written(record: dict[str, Any]) -> str:
    """As people write records to files."""
    return json.dumps(record, default=lambda item: item.tolist())


def test_what_was_recorded_of_each_picture_is_undone(tmp_path: Path) -> None:
    square = np.random.default_rng(1).random((6, 24, 24, 3), dtype=np.float32)
    made = [RECORDER(image=picture) for picture in square]
    images = torch.stack([tensor(item["image"]) for item in made])
    assert sum(torch.equal(image, tensor(picture)) for image, picture in zip(images, square, strict=True)) < 4
    back = undo(CATALOG, [item["replay"] for item in made], images)
    torch.testing.assert_close(back, torch.stack([tensor(picture) for picture in square]), atol=1e-6, rtol=0)
    for number, item in enumerate(made[:2]):
        file = tmp_path / f"{number}.json"
        for text in (as_written(item["replay"]), as_written({"replay": item["replay"]})):
            file.write_text(text)
            back = undo(CATALOG, str(file), images[number : number + 1])
            torch.testing.assert_close(back[0], tensor(square[number]), atol=1e-6, rtol=0)


def test_records_of_rectangles_have_their_own_shapes_and_masks() -> None:
    for picture, classes in zip(PICTURES, CLASSES, strict=True):
        made = RECORDER(image=picture, mask=classes)
        back = undo(CATALOG, made["replay"], tensor(made["image"])[None])
        torch.testing.assert_close(back[0], tensor(picture), atol=1e-6, rtol=0)
        mask = torch.from_numpy(np.ascontiguousarray(made["mask"]))[None]
        assert undo(CATALOG, made["replay"], mask, kind="mask")[0].tolist() == classes.tolist()


def test_a_recorded_crop_and_turn_lead_points_back() -> None:
    recorder = A.ReplayCompose(
        [A.Transpose(p=1), A.RandomCrop(20, 16, p=1), A.Rotate(limit=(-40, 40), p=1), A.RandomBrightnessContrast(p=1)],
        keypoint_params=A.KeypointParams("xy", remove_invisible=False),
    )
    recorder.set_random_seed(0)
    for picture in PICTURES:
        made = recorder(image=picture, keypoints=POINTS)
        points = torch.as_tensor(np.asarray(made["keypoints"], dtype=np.float64))[None]
        back = undo(CATALOG, made["replay"], points, kind="points")
        assert np.abs(back[0].numpy() - POINTS).max() < 0.05


def test_a_recorded_warp_is_undone_nearly_on_pictures_of_that_size() -> None:
    from augalgebra.checks import blob_images

    smooth = blob_images(3, 24, 32)[:1]
    recorder = A.ReplayCompose([A.Rotate(limit=(20, 30), p=1), A.HorizontalFlip(p=1)])
    recorder.set_random_seed(0)
    made = recorder(image=smooth[0].permute(1, 2, 0).numpy())
    moved = tensor(made["image"])[None]
    found = invert_pipeline(CATALOG, made["replay"])
    assert found.whole.verdict == "lossy"
    back = found.undo(moved, accept=["approximate"])
    assert float((back - smooth).square().mean()) < float((moved - smooth).square().mean()) / 10
    with pytest.raises(aa.AugalgebraError, match="it was recorded for pictures of 24×32 pixels"):
        found.undo(moved[..., :30], accept=["approximate"])


def choosing(record: dict[str, Any], name: str) -> None:
    flip = record["transforms"][0]
    record["transforms"] = [{"__class_fullname__": name, "applied": True, "transforms": [flip, flip]}]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda r: r["transforms"][0].pop("params"), "does not say with which parameters HorizontalFlip"),
        (lambda r: r.update(transforms=3), "does not say what ReplayCompose is made of"),
        (lambda r: r["transforms"][0].update(applied="yes"), "does not say whether HorizontalFlip was applied"),
        (lambda r: r["transforms"][0].update(side="left"), "HorizontalFlip has no setting 'side'"),
        (lambda r: r["transforms"][0].update(__class_fullname__="Flop"), "has no transform 'Flop'"),
        (lambda r: choosing(r, "SomeOf"),
         "a record does not say how often each of its transforms was applied"),
        (lambda r: choosing(r, "RandomOrder"),
         "a record does not say in which order its transforms were applied"),
    ],
)  # fmt: skip
def test_a_record_that_leaves_something_open_is_refused(change: Callable[[Any], None], message: str) -> None:
    record = json.loads(as_written(A.ReplayCompose([A.HorizontalFlip(p=1)])(image=PICTURES[0])["replay"]))
    change(record)
    with pytest.raises(aa.AugalgebraError, match=message):
        invert_pipeline(CATALOG, record)


def test_what_was_not_applied_is_not_undone() -> None:
    record = A.ReplayCompose([A.HorizontalFlip(p=1)], p=0)(image=PICTURES[0])["replay"]
    assert invert_pipeline(CATALOG, record).whole.inverse == aa.Word()


@pytest.mark.parametrize("seed", range(4))
def test_parameters_drawn_with_a_seed_are_undone(seed: int) -> None:
    pipeline = A.Compose([A.HorizontalFlip(p=0.5), A.D4(p=1), A.OneOf([A.Transpose(p=1), A.NoOp(p=1)], p=1)], seed=seed)
    moved = tensor(pipeline(image=PICTURES[0])["image"])[None]
    steps = "HorizontalFlip(p=0.5), D4(p=1), OneOf([Transpose(p=1), NoOp(p=1)], p=1)"
    back = undo(CATALOG, f"albumentations:Compose([{steps}], seed={seed})", moved)
    torch.testing.assert_close(back[0], tensor(PICTURES[0]), atol=1e-6, rtol=0)


WRONG: list[tuple[dict[str, Any], Any, str]] = [
    ({"kind": "maks"}, torch.zeros(1, 3, 4, 4), "there is no kind 'maks'"),
    ({"kind": "mask"}, torch.zeros(4, 4), "expected masks as a tensor"),
    ({"kind": "logits"}, torch.zeros(1, 3, 4, 4, dtype=torch.int64), "classes are of kind 'mask'"),
    ({"kind": "logits"}, torch.zeros(1, 4, 4), "expected logits as a tensor"),
    (
        {"kind": "boxes", "size": (8, 8)},
        torch.zeros(1, 5, 3),
        r"boxes are a tensor \[batch, number, 4 or more columns\]",
    ),
    ({"kind": "boxes", "size": (8, 8)}, torch.tensor([[[5.0, 1, 2, 3]]]), "box 0 of picture 0 ends before it begins"),
    ({"kind": "points"}, torch.zeros(1, 5, 2), "points need the size="),
    ({"kind": "points", "size": (8, 8)}, torch.zeros(5, 2), "points are a tensor"),
    ({"kind": "points", "size": (8, 8), "ids": [1, 2]}, torch.zeros(1, 5, 2), "there are 2 ids for 1 pictures"),
    ({}, torch.zeros(1, 5, 4, 4), "expected 1 or 3 channels"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_cannot_be_meant_is_refused(number: int) -> None:
    keywords, values, message = WRONG[number]
    with pytest.raises(aa.AugalgebraError, match=message):
        undo(CATALOG, "flip_lr", values, **keywords)


@pytest.mark.parametrize(
    "text", ["RandomGridShuffle(grid=(2, 2), seed=1)", "OpticalDistortion(distort_limit=(0.5, 0.5), seed=1)"]
)
def test_what_moves_points_by_no_affine_map_is_refused_by_name(text: str) -> None:
    with pytest.raises(NotInvertibleError, match=f"step 1, {text[:10]}.*cannot be undone for points"):
        undo(CATALOG, f"albumentations:{text}", torch.zeros(1, 2, 2), kind="points", size=(28, 28))


STAYS = ["invert", "posterize(3)", "gamma(0.5)", "gaussian_blur(1)", "canny", "albumentations.Equalize", "id"]
MOVES = ["flip_lr", "rotate_180", "rotate(3)", "roll(1, 0)", "shear_x(5)", "invert * flip_ud",
         "gaussian_blur(1) * flip_lr", "posterize(3) * roll(0, 1)",
         "albumentations.Affine(scale=(0.97, 0.97), seed=0)"]  # fmt: skip


@pytest.mark.parametrize("size", [(28, 28), (27, 41)])
@pytest.mark.parametrize("word", [*STAYS, *MOVES])
def test_what_keeps_pixels_at_their_places(word: str, size: tuple[int, int]) -> None:
    assert stays_put(lambda images: CATALOG.apply(word, images), size) == (word in STAYS)


def test_what_changes_values_has_no_map_of_places() -> None:
    """A photometric map must not pass for a movement: the brightness of a ramp is what places are read from."""
    for word in ("invert", "gamma(0.5)", "posterize(2)", "solarize(0.5)", "invert * flip_lr"):
        with pytest.raises(aa.AugalgebraError):
            source_map(lambda images, word=word: CATALOG.apply(word, images), (28, 33))
