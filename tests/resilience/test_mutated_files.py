"""Damaged workspace files, pipelines and data: read or refused in one line, with no traceback, hang or gigabytes."""

import gzip
import io
import json
import os
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from mutations import Mutation, bytes_of, gz_of, json_of, npz_of, survey, toml_of
from PIL import Image

import augalgebra as aa
from augalgebra.admission import examine
from augalgebra.catalog.contributions import read_pipeline
from augalgebra.catalog.workspace_file import erase
from augalgebra.data.idx import read_idx
from augalgebra.data.loading import load_data
from augalgebra.images import read_pictures

Damage = Callable[[bytes, int, int], Iterator[Mutation]]
TRIED = int(os.environ.get("AUGALG_MUTATIONS", "300"))
"""How many are tried of the five files of a run together; of each kind of file here a fifth of that."""

CATALOG = aa.load_catalog(aa.Settings())
NEGATE = (Path(__file__).parent.parent / "fixtures" / "negate.py").read_text()
DRAW = np.random.default_rng(1)
PIXELS = DRAW.integers(0, 256, (20, 12, 10), dtype=np.uint8)  # [image, height, width]
IMAGES = torch.linspace(0, 1, 2 * 3 * 12 * 12).reshape(2, 3, 12, 12)


def pipeline() -> dict[str, Any]:
    import albumentations

    turn = albumentations.Affine(rotate=(90, 90), p=1)
    steps = [albumentations.HorizontalFlip(p=1), turn, albumentations.Transpose(p=1), albumentations.Normalize(p=1)]
    form: dict[str, Any] = albumentations.to_dict(albumentations.Compose(steps))
    return form


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with a plugin folder, and a file and a pipeline that were registered."""
    folder = tmp_path_factory.mktemp("workspace")
    (folder / "mine").mkdir()
    (folder / "augalg.toml").write_text('[plugins]\nfolders = ["mine"]\ndisable = ["noise"]\n')
    (folder / "wave.py").write_text(NEGATE)
    form = pipeline()
    form["transform"]["transforms"] = form["transform"]["transforms"][:1]
    (folder / "turn.json").write_text(json.dumps(form))
    for target in ("wave.py", "turn.json"):
        examine(str(folder / target), workspace=folder, accept_proposed=True).record(folder)
    return folder


def each_of(parts: int) -> int:
    """How many of one kind of file are tried in each part: a fifth in all, as many as of each file of a run."""
    return max(4, TRIED // (5 * parts))


def yaml_of(content: bytes, count: int, seed: int) -> Iterator[Mutation]:
    """Other values at any place of a YAML document; some of them are themselves."""
    for cause, text in json_of(json.dumps(yaml.safe_load(content)).encode(), count - 2, seed):
        plain = "deep" in cause or "digits" in cause  # as it is, which YAML can read: it would take too long to write
        yield cause, text.replace(b"[" * 3500, b"") if plain else yaml.safe_dump(json.loads(text)).encode()
    yield "it holds itself", content.replace(b"p: 1\n", b"p: &a [*a]\n", 1)
    lists = ["a0: &a0 [x, x]", *(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 60)), "seed: *a59\n"]
    yield "2^60 letters", content + "\n".join(lists).encode()


def test_damaged_workspace_files(workspace: Path) -> None:
    file = workspace / "augalg.toml"
    whole = file.read_bytes()

    def read(content: bytes) -> Any:
        file.write_bytes(content)
        settings = aa.Settings.read(workspace, {})
        catalog = aa.load_catalog(settings)
        form = catalog.normal_form("flip_lr * flip_lr * invert")
        if settings.registered:
            erase(file, settings.registered[-1].name)
        return sorted(catalog.augmentations), list(map(str, catalog.laws)), form, file.read_bytes()

    for damage in (toml_of, bytes_of):
        found = survey(damage(whole, each_of(2), 12), read, whole)
        assert found.faults == []
        assert found.counts["refused"]


@pytest.mark.parametrize("ending", [".json", ".yaml"])
@pytest.mark.parametrize("inside", [True, False], ids=["inside", "bytes"])
def test_damaged_pipelines(ending: str, inside: bool, tmp_path: Path) -> None:
    file = tmp_path / f"pipeline{ending}"
    whole = (json.dumps(pipeline()) if ending == ".json" else yaml.safe_dump(pipeline())).encode()

    def read(content: bytes) -> Any:
        file.write_bytes(content)
        steps = read_pipeline(CATALOG, str(file))
        assert steps is not None
        words = [step.word for step in steps if step.word is not None and not step.problem]
        return [str(CATALOG.apply(word, IMAGES).tolist()) for word in words], repr(steps)

    damage: Damage = bytes_of if not inside else json_of if ending == ".json" else yaml_of
    found = survey(damage(whole, each_of(4), zlib.crc32(ending.encode())), read, whole)
    assert found.faults == []
    assert found.counts["refused"]


def of_npz(path: Path) -> Any:
    data = load_data(path)
    return [
        (part.images.numpy().tobytes(), part.labels.numpy().tobytes()) for part in (data.train, data.test)
    ], data.classes


def of_idx(path: Path) -> Any:
    found = read_idx(path)
    return found.shape, found.tobytes()


def of_picture(path: Path) -> Any:
    return read_pictures([path]).pixels.tobytes()


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, images=PIXELS, labels=np.arange(20) % 3)
    return stream.getvalue()


def idx() -> bytes:
    return struct.pack(">4B3I", 0, 0, 8, 3, *PIXELS.shape) + PIXELS.tobytes()


def picture(kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(PIXELS[0]).save(stream, kind)
    return stream.getvalue()


DATA: dict[str, tuple[bytes, Callable[[Path], Any], tuple[Damage, ...]]] = {
    "some.npz": (npz(), of_npz, (npz_of, bytes_of)),
    "some.idx": (idx(), of_idx, (bytes_of,)),
    "some.gz": (gzip.compress(idx(), mtime=0), of_idx, (gz_of, bytes_of)),
} | {f"some.{kind}": (picture(kind), of_picture, (bytes_of,)) for kind in ("png", "jpeg", "bmp", "tiff", "webp")}


@pytest.mark.parametrize("name", DATA)
def test_damaged_data(name: str, tmp_path: Path) -> None:
    whole, read, damages = DATA[name]

    def written(content: bytes) -> Any:
        (tmp_path / name).write_bytes(content)
        return read(tmp_path / name)

    for damage in damages:
        found = survey(damage(whole, each_of(11), zlib.crc32(name.encode())), written, whole)
        assert found.faults == []


@pytest.mark.parametrize("name", ["some.npz", "some.idx", "some.png", "some.json", "some.yaml"])
@pytest.mark.parametrize(
    "make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to(path)], ids=["pipe", "folder", "loop"]
)
def test_what_is_no_file_is_refused(name: str, make: Callable[[Path], object], tmp_path: Path) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(aa.AugalgebraError, match=name) as caught:
        DATA[name][1](path) if name in DATA else read_pipeline(CATALOG, str(path))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("form", ["file", "text"])
def test_a_pipeline_of_thousands_of_transforms_is_refused_at_once(form: str, tmp_path: Path) -> None:
    made = pipeline()
    made["transform"]["transforms"] = made["transform"]["transforms"][:1] * 20_000
    file = tmp_path / "many.json"
    file.write_text(json.dumps(made))
    source = str(file) if form == "file" else f"albumentations:Compose([{'HorizontalFlip(p=1), ' * 20_000}])"
    with pytest.raises(aa.AugalgebraError, match=r"a pipeline of 2000\d transforms is not read; 1000 are the most"):
        read_pipeline(CATALOG, source)
