"""Installed plugins are remembered, and found again as soon as there is another."""

import importlib.metadata
import json
from pathlib import Path
from typing import Any

import pytest

from augalgebra.catalog.sources import FOLDER, InstalledPlugin, installed_plugins


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that Python imports from, with one distribution; what is remembered lies beside it."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    (tmp_path / "site").mkdir()
    install(tmp_path / "site", "acme", "acme = acme_waves")
    return tmp_path / "site"


def install(site: Path, name: str, *points: str) -> Path:
    info = site / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "RECORD").write_text(f"{info.name}/METADATA,,\n{info.name}/entry_points.txt,,\n")
    declare(info, *points)
    return info


def declare(info: Path, *points: str) -> None:
    (info / "entry_points.txt").write_text("\n".join(["[augalgebra]", *points, ""]))


def ours() -> set[str]:
    return {plugin.name for plugin in installed_plugins() if plugin.distribution in ("acme", "other")}


def test_what_was_found_is_remembered(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = installed_plugins()
    assert InstalledPlugin("acme", "acme_waves", "acme", "1.0") in first

    def refuse(**_: Any) -> None:
        raise AssertionError("metadata were read again")

    monkeypatch.setattr(importlib.metadata, "entry_points", refuse)
    assert installed_plugins() == first
    monkeypatch.syspath_prepend(str(site.parent))
    with pytest.raises(AssertionError, match="read again"):
        installed_plugins()


def test_another_distribution_is_found(site: Path) -> None:
    assert ours() == {"acme"}
    install(site, "other", "waves = other_waves")
    assert ours() == {"acme", "waves"}


def test_entry_points_that_were_edited_are_found(site: Path) -> None:
    assert ours() == {"acme"}
    declare(site / "acme-1.0.dist-info", "acme = acme_waves", "more = acme_more")
    assert ours() == {"acme", "more"}


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"paths": 1}'])
def test_a_damaged_memory_is_none(site: Path, damage: str) -> None:
    first = installed_plugins()
    (file,) = (site.parent / "cache" / "augalgebra" / FOLDER).iterdir()
    assert json.loads(file.read_text())["plugins"]
    file.write_text(damage)
    assert installed_plugins() == first


def test_nothing_is_remembered_where_nothing_can_be_written(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (site.parent / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(site.parent / "file"))
    assert ours() == {"acme"}


def test_an_object_in_a_module_is_loaded() -> None:
    assert (
        InstalledPlugin("x", "importlib.metadata:EntryPoint.load", "", "").load() is importlib.metadata.EntryPoint.load
    )
    assert InstalledPlugin("x", "importlib.metadata", "", "").load() is importlib.metadata
