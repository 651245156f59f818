"""A workspace with a registered plugin, a run that it was added to, and a sweep: made by the version before the house
was rebuilt, at its commit 0ea1669."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from augalg_slides.sweeps.settings import MODES
from augalg_slides.sweeps.store import SweepStore
from augalg_slides.sweeps.sweep import run_sweep
from augalg_slides.sweeps.tables import to_markdown

from augalgebra.catalog import load_catalog
from augalgebra.data.loading import load_data
from augalgebra.tasks import Workers

FIXTURES = Path(__file__).parent.parent / "fixtures"
ANSWERS: list[dict[str, Any]] = json.loads((FIXTURES / "old_workspace.json").read_text())


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = Path(shutil.copytree(FIXTURES / "old_workspace", tmp_path / "workspace"))
    monkeypatch.chdir(folder)
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def assert_says_the_same(now: object, then: object, where: str) -> None:
    """All that was said then is said now; numbers differ by no more than processors do."""
    if isinstance(then, dict):
        assert isinstance(now, dict), where
        for key, value in then.items():
            assert key in now, f"{where} lacks {key}"
            assert_says_the_same(now[key], value, f"{where}: {key}")
    elif isinstance(then, list):
        assert isinstance(now, list), where
        assert len(now) == len(then), where
        for number, (mine, theirs) in enumerate(zip(now, then, strict=True)):
            assert_says_the_same(mine, theirs, f"{where}[{number}]")
    elif isinstance(then, float):
        assert now == pytest.approx(then, rel=1e-4, abs=1e-6), where
    else:
        assert now == then, where


def test_all_is_answered_as_it_was(
    program: Callable[..., Any], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(workspace)
    before = contents(workspace)
    again = program("register", "negate.py", "--json")  # whose laws this user has not checked yet
    assert (again.code, again.data["changed"]) == (0, False), again.err
    for known in ANSWERS:
        done = program(*known["asked"], "--json")
        assert done.code == 0, done.err
        assert_says_the_same(done.data, known["answer"], " ".join(known["asked"]))
    (info,) = [info for info in load_catalog().plugins if info.name == "negate"]
    assert (info.registered, info.changed) == ("negate", "")
    assert contents(workspace) == before


def test_a_sweep_has_its_cells_and_makes_the_same_table(workspace: Path) -> None:
    before = contents(workspace)
    settings, fingerprint = SweepStore("sweep").settings()
    data = load_data(settings.data)
    assert data.fingerprint == fingerprint
    assert settings.modes == MODES
    result = run_sweep("sweep", settings, load_catalog(), data=data, workers=Workers(threads=1))
    assert not result.missing
    assert to_markdown(result) == Path("sweep/table.md").read_text(encoding="utf-8")
    assert contents(workspace) == before  # nothing was trained or measured again
