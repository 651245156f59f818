"""``import augalgebra as aa``: what is there, what it costs, and what editors and pickles make of it."""

import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import augalgebra as aa

ROOT = Path(__file__).parent.parent
HEAVY = {"torch", "albumentations", "kornia", "cv2", "sklearn", "matplotlib", "scipy", "numpy", "typer", "rich"}
TYPES = """
from typing import assert_type

import augalgebra as aa
import torch

catalog = aa.load_catalog()
word = catalog.word("flip_lr")
assert_type(catalog, aa.Catalog)
assert_type(word * ~word, aa.Word)
assert_type(aa.parse_law("a = b"), aa.Law)
settings = aa.TrainSettings(augmentations=("flip_lr",), epochs=1)
run = aa.train("runs/flips", settings, catalog, data=aa.load_data("digits"))
assert_type(run, aa.Run)
assert_type(run.registry.operator(word), aa.Operator)
assert_type(run.measure(word).score.gap_ratio, float)
assert_type(aa.LatentTransform(run, word)(torch.zeros(1, 1, 28, 28)), torch.Tensor)
assert_type(aa.compare_words(catalog, word, "id").equal, bool | None)
assert_type(aa.check_laws(catalog).passed, bool)
space: aa.LatentSpace = run.space
"""
WRONG = "import augalgebra as aa\naa.load_catalog(no_such_keyword=1)\naa.no_such_name\n"


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)


def test_importing_it_loads_nothing_heavy() -> None:
    done = python("-c", f"import sys, augalgebra; assert dir(augalgebra); print({HEAVY!r} & set(sys.modules))")
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize("name", aa.__all__)
def test_every_name_is_there(name: str) -> None:
    assert name in dir(aa)
    assert getattr(aa, name) is not None


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no_such_name"):
        aa.no_such_name  # noqa: B018


def test_types_are_seen_by_checkers(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    (tmp_path / "right.py").write_text(TYPES)
    (tmp_path / "wrong.py").write_text(WRONG)
    done = python("-m", "mypy", "--strict", *(str(tmp_path / name) for name in ("right.py", "wrong.py")))
    assert "right.py" not in done.stdout
    assert 'Unexpected keyword argument "no_such_keyword"' in done.stdout
    assert 'Module has no attribute "no_such_name"' in done.stdout


PICKLED: dict[str, Callable[[], object]] = {
    "word": lambda: aa.word_of("rotate", 30) * ~aa.parse_word("flip_lr"),
    "symbol": lambda: aa.Symbol("flip_lr"),
    "law": lambda: aa.parse_law("flip_lr * flip_lr = id"),
    "settings": lambda: aa.TrainSettings(epochs=1),
    "report": lambda: aa.check_laws(aa.load_catalog(), ["flip_lr"], size=8),
    "comparison": lambda: aa.compare_words(aa.load_catalog(), "flip_lr", "flip_ud", size=8),
    "required parameter": lambda: aa.Param("amount"),
    "parameter": lambda: aa.Param("amount", low=0, high=1, draw=aa.uniform(0, 1)),
}


@pytest.mark.parametrize("name", PICKLED)
def test_what_is_sent_to_another_process_arrives(name: str) -> None:
    sent = PICKLED[name]()
    assert pickle.loads(pickle.dumps(sent)) == sent


def test_a_catalog_that_was_sent_answers_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    catalog = aa.load_catalog()
    sent = pickle.loads(pickle.dumps(catalog))
    assert sent.equal("rotate_cw^2", "flip_lr * flip_ud") == catalog.equal("rotate_cw^2", "flip_lr * flip_ud")
