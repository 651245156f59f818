"""Catalogs and latent transforms in processes that start afresh, as workers of a DataLoader do."""

import os
import pickle
import subprocess
import sys
import types
from pathlib import Path

import pytest

from augalgebra import hookimpl, load_catalog
from augalgebra.algebra.words import Symbol, word_of
from augalgebra.checks.inversion.pipelines import invert_pipeline
from augalgebra.errors import PluginError

SCRIPT = """
import sys
import torch
from torch.utils.data import DataLoader, Dataset
from augalgebra import load_catalog
from augalgebra.runs.transform import LatentTransform
from augalgebra.runs.run import Run
from augalgebra.training.settings import TrainSettings
from augalgebra.runs.stages import train


class Moved(Dataset):
    def __init__(self, images, catalog, transform):
        self.images, self.catalog, self.transform = images, catalog, transform

    def __len__(self):
        return len(self.images)

    def __getitem__(self, number):
        image = self.images[number : number + 1]
        drawn = self.catalog.apply("flip_lr * shear_x", image, seed=3, ids=[number])
        return drawn[0], self.transform(image)[0]


if __name__ == "__main__":
    catalog = load_catalog()
    transform = LatentTransform(sys.argv[1], "flip_lr * flip_ud", catalog=catalog)
    images = torch.rand(6, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    data = Moved(images, catalog, transform)
    here = list(DataLoader(data, batch_size=3))
    there = list(DataLoader(data, batch_size=3, num_workers=2, multiprocessing_context="spawn"))
    for ours, theirs in zip(here, there, strict=True):
        assert torch.equal(ours[0], theirs[0])
        torch.testing.assert_close(ours[1], theirs[1])
    print("equal")
"""


def test_two_spawned_workers_draw_what_this_process_draws(tmp_path: Path, few_digits: Path) -> None:
    program = Path(sys.executable).with_name("augalg")
    run = tmp_path / "run"
    arguments = ["train", run, "--data", few_digits, "--augs", "flip_lr,flip_ud", "--epochs", "1", "--json"]
    trained = subprocess.run([program, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert trained.returncode in (0, 1), trained.stderr
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, script, run], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "equal\n", done.stderr


def test_a_catalog_is_the_same_in_another_process(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text(
        "import augalgebra as aa\n\n\n@aa.hookimpl\ndef augalg_register(register):\n"
        "    @register('own.negate', inverse='self')\n    def negate(x):\n        return 1 - x\n"
    )
    code = (
        "import pickle, sys; catalog = pickle.load(sys.stdin.buffer);"
        "print(catalog.display(catalog.normal_form('own.negate^3 * flip_lr^2')))"
    )
    sent = (
        "import pickle, sys; from augalgebra import load_catalog; sys.stdout.buffer.write(pickle.dumps(load_catalog()))"
    )
    made = subprocess.run(
        [sys.executable, "-c", sent], capture_output=True, check=True, env=os.environ | {"AUGALG_PLUGINS": str(file)}
    )
    for seed in ("1", "2"):
        environment = {k: v for k, v in os.environ.items() if k != "AUGALG_PLUGINS"} | {"PYTHONHASHSEED": seed}
        done = subprocess.run([sys.executable, "-c", code], input=made.stdout, capture_output=True, env=environment)
        assert done.stdout.decode() == "negate\n", done.stderr.decode()


def test_words_are_found_again_by_another_process() -> None:
    word = word_of("rotate", 30)
    hash(word)
    sent = pickle.dumps({word: 1, word.symbols[0]: 2})
    code = (
        "import pickle, sys; from augalgebra.algebra.words import word_of; word = word_of('rotate', 30);"
        "known = pickle.load(sys.stdin.buffer); print(known[word], known[word.symbols[0]])"
    )
    environment = os.environ | {"PYTHONHASHSEED": "77"}
    done = subprocess.run([sys.executable, "-c", code], input=sent, capture_output=True, env=environment, check=True)
    assert done.stdout == b"1 2\n"
    assert pickle.loads(sent).keys() == {word, Symbol("rotate", word.symbols[0].args)}


def test_another_process_undoes_a_pipeline() -> None:
    fresh, judged = (invert_pipeline(load_catalog(), "flip_lr * rotate_cw") for _ in range(2))
    assert judged.whole.verdict == "exact"
    script = (
        "import pickle, sys, torch; images = torch.rand(2, 1, 9, 9, generator=torch.Generator().manual_seed(0));"
        "moved = images.flip(-1).rot90(-1, (-2, -1));"
        "[print(found.whole.verdict, torch.equal(found.undo(moved), images))"
        " for found in pickle.load(sys.stdin.buffer)]"
    )
    sent = pickle.dumps([fresh, judged])
    done = subprocess.run([sys.executable, "-c", script], input=sent, capture_output=True, check=True)
    assert done.stdout.split() == [b"exact", b"True"] * 2


def test_a_plugin_in_memory_cannot_be_sent() -> None:
    plugin = types.ModuleType("in_memory")

    def augalg_register(register: object) -> None:
        assert callable(register)

    plugin.augalg_register = hookimpl(augalg_register)  # type: ignore[attr-defined]
    with pytest.raises(PluginError, match=r"put together in memory"):
        pickle.dumps(load_catalog(modules=[plugin]))
