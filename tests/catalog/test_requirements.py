"""A plugin whose distribution lacks a package is not said to be all right."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augalgebra.catalog.requirements import missing_requirements

PLUGIN = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("needy.blend", inverse="self")
    def blend(x):
        '''Blend.'''
        import no_such_library
        return no_such_library.blend(x)
"""
METADATA = """Metadata-Version: 2.1
Name: augalg-needy
Version: 1.2
Requires-Dist: no-such-library>=3
Requires-Dist: numpy<1
Requires-Dist: torch>=2
Requires-Dist: not-wanted; extra == "more"
Requires-Dist: not-here; python_version < "3"
Requires-Dist: ???
"""


def install(folder: Path) -> None:
    (folder / "needy.py").write_text(PLUGIN)
    info = folder / "augalg_needy-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text("[augalgebra]\nneedy = needy\n")


def test_what_is_missing_or_of_another_version_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    library, numpy = missing_requirements("augalg-needy")
    assert library == "no-such-library>=3 is not installed"
    assert numpy.startswith("numpy<1 is needed, and ")
    assert missing_requirements("augalgebra") == missing_requirements("nothing of this name") == ()


def test_plugins_list_says_so(augalg: Callable[..., Any], tmp_path: Path) -> None:
    install(tmp_path)
    env = {"PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])}
    for _ in range(2):  # the second time from what is remembered
        listed = json.loads(augalg("plugins", "list", "--json", env=env).stdout)["plugins"]
        found = {item["name"]: item for item in listed}
        assert (found["needy"]["status"], found["dihedral"]["status"]) == ("incomplete", "loaded")
        assert found["needy"]["missing"][0] == "no-such-library>=3 is not installed"
    text = augalg("plugins", "list", env=env)
    assert "needy may fail when applied: no-such-library>=3 is not installed" in text.stdout
    applied = augalg("laws", "needy.blend", env=env)
    assert applied.returncode == 1
    assert "needy.blend (plugin needy) failed" in applied.stdout
    assert "No module named 'no_such_library'" in applied.stdout
