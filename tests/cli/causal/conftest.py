"""What tests of causal commands share: small pendulums, and a run on them."""

import shutil
from pathlib import Path

import pytest
from causal_runs import few_pendulums


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few and small pictures under the name of the data set, and a short search for graphs."""
    monkeypatch.setattr("augalgebra.data.loading.pendulum_data", few_pendulums)
    monkeypatch.setattr("augalgebra.causal.training.SEARCH_STEPS", 5)


@pytest.fixture
def run(causal_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(causal_folder, tmp_path / "copy"))
