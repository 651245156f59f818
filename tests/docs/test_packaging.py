"""What an installation puts where."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def test_the_wheel_installs_only_our_own_names(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    top_level = {name.split("/", 1)[0] for name in names}
    plugins = {folder.name for folder in (ROOT / "plugins").glob("augalg_*")}
    assert {name for name in top_level if not name.endswith(".dist-info")} == {"augalgebra", "augalg_cli", *plugins}
    assert "augalgebra/py.typed" in names
    templates = {str(path.relative_to(ROOT / "cli")) for path in (ROOT / "cli/augalg_cli/templates").rglob("*.txt")}
    assert templates
    assert templates <= set(names)
    assert {"augalgebra/documents/report.css", "augalgebra/documents/report.js"} <= set(names)


def test_every_first_party_plugin_is_an_entry_point() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    modules = set(project["entry-points"]["augalgebra"].values())
    assert modules == {folder.name for folder in (ROOT / "plugins").glob("augalg_*")}
