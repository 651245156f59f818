"""What an installation puts where."""

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

import augalgebra

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


def test_the_version_is_the_same_wherever_it_stands() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest
    assert augalgebra.__version__ == citation["version"]
    assert augalgebra.__version__.partition(".dev")[0] == newest[1]


def test_ci_tries_every_python_that_is_promised() -> None:
    jobs = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())["jobs"]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    promised = [name.rpartition(" :: ")[2] for name in project["classifiers"] if "Python :: 3." in name]
    assert promised == jobs["tests"]["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={promised[0]}"


def test_hooks_of_commits_download_nothing() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [hook for repository in config["repos"] for hook in repository["hooks"]]
    assert {hook["entry"].split()[0] for hook in hooks} == {"ruff", "mypy", "lint-imports"}
    assert {hook["language"] for hook in hooks} == {"system"}
