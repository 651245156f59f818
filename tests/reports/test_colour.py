"""Colour images, of odd sizes too, through all stages, the check and the gallery."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import augalgebra as aa
from augalgebra.data.loading import load_data
from augalgebra.reports.run_gallery import write_check
from augalgebra.runs.added_heads import transfer
from augalgebra.runs.check import measure_run
from augalgebra.runs.run import Run
from augalgebra.runs.stages import train
from augalgebra.training.settings import Preset, TrainSettings

CATALOG = aa.load_catalog()


def as_npz(folder: Path, pixels: np.ndarray) -> Path:
    np.savez(folder / "few.npz", images=pixels, labels=np.arange(len(pixels)) % 4)
    return folder / "few.npz"


def as_folder(folder: Path, pixels: np.ndarray) -> Path:
    for number, image in enumerate(pixels):
        place = folder / "few" / str(number % 4)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(place / f"{number:02}.png")
    return folder / "few"


@pytest.mark.parametrize(
    ("preset", "size", "augmentations", "save"),
    [
        ("equivariant", (17, 23), ("flip_lr", "flip_ud"), as_npz),
        ("equivariant", (12, 12), ("flip_lr", "rotate_cw"), as_folder),
        ("faithful", (17, 23), ("flip_lr", "flip_ud"), as_folder),
        ("faithful", (12, 12), ("flip_lr", "rotate_cw"), as_npz),
    ],
)
def test_colour_goes_through_all_stages(
    tmp_path: Path, preset: Preset, size: tuple[int, int], augmentations: tuple[str, ...], save
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, *size, 3), np.uint8)
    pixels[..., 0] //= 4  # little red: channels that are mixed up would show
    data = load_data(save(tmp_path, pixels))
    assert (3, *size) == data.image_shape
    assert [63, 255, 255] == data.train.images.amax((0, 2, 3)).tolist()
    settings = TrainSettings(
        data=data.name, augmentations=augmentations, preset=preset, width=4, dim=8, epochs=2, batch_size=8
    )
    run = train(tmp_path / "run", settings, CATALOG, data=data)
    report = measure_run(run, data=data, max_length=2)
    # so short a training draws one grey picture for everything: every ratio is about 1 and says nothing, which is said
    assert {score.verdict for score in report.words if not score.trivial} == {"vacuous"}
    assert report.worst_gap_ratio is None
    assert "the codes say nothing of the images" in report.information.warning
    assert report.failing(100.0)
    assert len(data.test) == report.images
    write_check(run, report, data=data)
    with Image.open(tmp_path / "run" / "gallery.png") as gallery:
        red, green, blue = np.asarray(gallery.convert("RGB")).transpose(2, 0, 1)
    assert ((red < 64) & (green > 220) & (blue > 220)).any()  # only the images are that bright in two channels

    frozen = {name: tensor.clone() for name, tensor in run.space.encoder.state_dict().items()}
    transfer(run, ["shear_x", "canny"], mode="relabel", head="other", epochs=1, data=data)
    transfer(run, ["invert"], mode="extend", head="negative", epochs=1, data=data)
    loaded = Run.load(tmp_path / "run", CATALOG)
    assert all(torch.equal(frozen[name], tensor) for name, tensor in loaded.space.encoder.state_dict().items())
    assert {"shear_x", "canny"} <= measure_run(loaded, data=data, max_length=1, head="other").floor.keys()
    assert "invert" in measure_run(loaded, data=data, max_length=1, head="negative").floor

    images = data.test.batch(slice(None))[0]
    moved = loaded.registry.operator(augmentations[0]).apply(loaded.space.encode(images))
    assert images.shape == loaded.space.decode(moved).shape
