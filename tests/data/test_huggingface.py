"""Data sets of Hugging Face, saved and as parquet: which columns and splits are read, and what is refused."""

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from augalgebra.data import load_data
from augalgebra.errors import DataError, ImageError

datasets = pytest.importorskip("datasets", reason="needs the extra 'datasets'")


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "hub")


def packed(value: int, shape: tuple[int, ...] = (12, 16)) -> dict[str, Any]:
    content = io.BytesIO()
    Image.fromarray(np.full(shape, value, np.uint8)).save(content, "png")
    return {"bytes": content.getvalue(), "path": None}


def table(first: int, count: int, **columns: Any) -> Any:
    """Grey pictures of their number, the class of which is their number modulo 2."""
    numbers = range(first, first + count)
    features = {"image": datasets.Image(), "label": datasets.ClassLabel(names=["odd one", "even"])}
    content = {"image": [packed(n) for n in numbers], "label": [n % 2 for n in numbers]}
    extra = {name: [make(n) for n in numbers] for name, (make, _) in columns.items()}
    kinds = {name: kind for name, (_, kind) in columns.items()}
    return datasets.Dataset.from_dict(content | extra, features=datasets.Features(features | kinds))


def values(split) -> list[int]:
    return split.images[:, 0, 0, 0].tolist()


def test_a_saved_data_set_with_its_split_and_classes(tmp_path: Path) -> None:
    parts = {"train": table(0, 6), "validation": table(6, 2), "test": table(8, 3)}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "set")
    told: list[tuple[int, int, str]] = []
    data = load_data(f"hf:{tmp_path / 'set'}", progress=lambda *now: told.append(now))
    assert ([*range(6)], [8, 9, 10]) == (values(data.train), values(data.test))
    assert ("odd one", "even") == data.classes
    assert [0, 1, 0] == data.test.labels.tolist()
    (remark,) = data.remarks
    assert remark == f"{tmp_path / 'set'}: train is learned from, test is measured on; validation is left aside"
    assert (9, 9, "pictures read") == told[-1]


def test_a_saved_data_set_without_a_split(tmp_path: Path) -> None:
    table(0, 20).save_to_disk(tmp_path / "set")
    data = load_data(f"hf:{tmp_path / 'set'}", size=8)
    assert ([8, 9, 18, 19], (1, 8, 8)) == (values(data.test), data.image_shape)
    assert data.fingerprint == load_data(f"hf:{tmp_path / 'set'}", size=8).fingerprint
    without = load_data(f"hf:{tmp_path / 'set'}?label=")
    assert ((), {0}) == (without.classes, {*without.train.labels.tolist()})
    assert (f"{tmp_path / 'set'} is read without labels; its columns are image, label",) == without.remarks


def test_parquet_files_in_a_folder_and_alone(tmp_path: Path) -> None:
    for part, first, count in (("train", 0, 12), ("test", 12, 3)):
        table(first, count).to_parquet(tmp_path / f"{part}-00000-of-00001.parquet")
    data = load_data(f"hf:{tmp_path}")
    assert ([*range(12)], [12, 13, 14]) == (values(data.train), values(data.test))
    assert ("odd one", "even") == data.classes
    alone = load_data(f"hf:{tmp_path}/train-00000-of-00001.parquet")
    assert ([8, 9], ("odd one", "even")) == (values(alone.test), alone.classes)
    split = load_data(f"hf:{tmp_path}?split=train")
    assert split.fingerprint == alone.fingerprint


def test_columns_are_named_where_they_are_not_plain(tmp_path: Path) -> None:
    kinds = {
        "mask": (lambda n: packed(255 - n), datasets.Image()),
        "coarse": (lambda n: n % 3, datasets.Value("int64")),
        "text": (lambda n: f"kind {n % 2}", datasets.Value("string")),
        "weight": (lambda n: n / 2, datasets.Value("float32")),
    }
    place = f"hf:{tmp_path / 'set'}"
    table(0, 12, **kinds).save_to_disk(tmp_path / "set")
    with pytest.raises(DataError, match=r"has 2 columns of pictures; name one: hf:.*\?image=image"):
        load_data(place)
    mask = load_data(f"{place}?image=mask&label=text")
    assert (255, ("kind 0", "kind 1")) == (values(mask.train)[0], mask.classes)
    assert {0, 1, 2} == {*load_data(f"{place}?image=image&label=coarse").train.labels.tolist()}
    for query, message in (
        ("image=text", "has no pictures in 'text'; they are in image, mask"),
        ("image=mask&label=weight", "has no labels in 'weight'; they may be in label, coarse, text"),
        ("imag=mask", r"'imag' cannot be chosen; did you mean image\?"),
        ("split=test", "has no split 'test'"),
    ):
        with pytest.raises(DataError, match=message):
            load_data(f"{place}?{query}")


def test_several_columns_of_classes_have_to_be_named(tmp_path: Path) -> None:
    rows = table(0, 12, fine=(lambda n: n % 2, datasets.ClassLabel(names=["a", "b"])))
    rows.rename_column("label", "coarse").save_to_disk(tmp_path / "set")
    with pytest.raises(DataError, match=r"has labels in coarse, fine; name one: hf:.*\?label=coarse"):
        load_data(f"hf:{tmp_path / 'set'}")
    assert ("a", "b") == load_data(f"hf:{tmp_path / 'set'}?label=fine").classes


def test_labels_that_are_hidden_and_pictures_that_are_broken(tmp_path: Path) -> None:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    pictures = [packed(n) for n in range(12)]
    pictures[3] = {"bytes": b"no picture", "path": None}
    rows = datasets.Dataset.from_dict({"image": pictures, "label": [0] * 12}, features=features)
    rows.save_to_disk(tmp_path / "broken")
    with pytest.raises(ImageError, match=r"^1 of 12 pictures cannot be read: .*broken\[3\] \("):
        load_data(f"hf:{tmp_path / 'broken'}")
    data = load_data(f"hf:{tmp_path / 'broken'}", skip_broken=True)
    assert 11 == len(data.train) + len(data.test)
    rows = datasets.Dataset.from_dict({"image": [packed(1)] * 12, "label": [0] * 11 + [-1]}, features=features)
    rows.save_to_disk(tmp_path / "hidden")
    with pytest.raises(DataError, match=r"hidden\[11\] has the label -1, which no class has"):
        load_data(f"hf:{tmp_path / 'hidden'}")


def test_pictures_that_are_files(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.png").write_bytes(packed(number)["bytes"])
    files = {"image": [str(tmp_path / f"{number}.png") for number in range(10)]}
    rows = datasets.Dataset.from_dict(files, features=datasets.Features({"image": datasets.Image()}))
    rows.save_to_disk(tmp_path / "set")
    assert [*range(4), *range(5, 9)] == values(load_data(f"hf:{tmp_path / 'set'}").train)


def test_places_of_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pictures").mkdir()
    with pytest.raises(DataError, match="holds neither what save_to_disk writes nor parquet files"):
        load_data(f"hf:{tmp_path / 'pictures'}")
    with pytest.raises(DataError, match="cannot be opened") as caught:
        load_data("hf:nobody/nothing-at-all")
    assert "\n" not in str(caught.value)
    datasets.Dataset.from_dict({"a": [1] * 10}).save_to_disk(tmp_path / "numbers")
    with pytest.raises(DataError, match="has no columns of pictures; it has a"):
        load_data(f"hf:{tmp_path / 'numbers'}")
    datasets.DatasetDict({"a": table(0, 5), "b": table(0, 5)}).save_to_disk(tmp_path / "parts")
    with pytest.raises(DataError, match=r"has the splits a, b; name one: hf:.*parts\?split=a"):
        load_data(f"hf:{tmp_path / 'parts'}")
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"needs the package datasets .*pip install 'augalgebra\[datasets\]'"):
        load_data("hf:mnist")
