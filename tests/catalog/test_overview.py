"""What is remembered of plugins: used while nothing has changed, and never when something has."""

import json
import os
from pathlib import Path

import pytest

from augalgebra import Catalog, load_catalog
from augalgebra.catalog.overview import FILE, Overview, load_overview
from augalgebra.catalog.settings import Settings

PLUGIN = '''
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("{name}", inverse="self")
    def {name}(x):
        """It {name}s."""
        return 1 - x
'''


class Loads:
    """Loads a catalog, and counts how often."""

    def __init__(self, settings: Settings) -> None:
        self.settings, self.count = settings, 0

    def __call__(self) -> Catalog:
        self.count += 1
        return load_catalog(self.settings)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    for name in ("glow", "dim"):
        (plugins / f"{name}.py").write_text(PLUGIN.format(name=name))
    return plugins


def settings_of(folder: Path, **more: object) -> Settings:
    return Settings((folder,), workspace=folder.parent, **more)


def asked(folder: Path, cache: Path, **more: object) -> tuple[Overview, int]:
    settings = settings_of(folder, **more)
    load = Loads(settings)
    return load_overview(load, settings, folder=cache), load.count


def test_the_second_answer_is_the_first_without_loading(folder: Path, tmp_path: Path) -> None:
    first, loaded = asked(folder, tmp_path / "cache")
    again, loaded_again = asked(folder, tmp_path / "cache")
    assert (loaded, loaded_again) == (1, 0)
    assert again == first
    assert {"glow", "dim", "dihedral"} <= {info.name for info in again.plugins}
    assert next(info for info in again.plugins if info.name == "glow").augmentations == ("glow.glow",)


def test_any_change_counts(folder: Path, tmp_path: Path) -> None:
    cache, workspace = tmp_path / "cache", tmp_path / "augalg.toml"

    def changed(what: str) -> bool:
        answer, loaded = asked(folder, cache, disable=frozenset(disable))
        assert answer.plugins, what
        return loaded == 1

    disable: set[str] = set()
    assert changed("nothing is remembered yet")
    assert not changed("nothing")
    (folder / "glow.py").write_text(PLUGIN.format(name="shine"))
    assert changed("a file has another content")
    (folder / "more.py").write_text(PLUGIN.format(name="more"))
    assert changed("there is another file")
    (folder / "dim.py").unlink()
    assert changed("a file is gone")
    disable.add("more")
    assert changed("a plugin is disabled")
    workspace.write_text("# nothing yet\n")
    assert changed("there is a workspace file")
    assert not changed("nothing again")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": 1}', '{"key": "KEY", "plugins": [{}], "left_out": []}'])
def test_a_damaged_cache_is_no_cache(folder: Path, tmp_path: Path, content: str) -> None:
    cache = tmp_path / "cache"
    first, _ = asked(folder, cache)
    key = json.loads((cache / FILE).read_text())["key"]
    (cache / FILE).write_text(content.replace("KEY", key))
    again, loaded = asked(folder, cache)
    assert loaded == 1
    assert [info.name for info in again.plugins] == [info.name for info in first.plugins]


def test_a_failure_is_not_remembered(folder: Path, tmp_path: Path) -> None:
    """What a plugin lacks may be installed by the next time."""
    (folder / "broken.py").write_text("import no_such_module_anywhere\n")
    for _ in range(2):
        answer, loaded = asked(folder, tmp_path / "cache")
        assert loaded == 1
    assert [info.name for info in answer.plugins if info.status == "failed"] == ["broken"]
    assert not (tmp_path / "cache").exists()


def test_a_cache_that_cannot_be_written_does_no_harm(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    answer, loaded = asked(folder, tmp_path / "cache")
    assert loaded == 1
    assert answer.plugins


def test_the_program_imports_no_plugin_twice(augalg, tmp_path: Path) -> None:
    """Installed ones, as a user has them: each leaves a trace when it is imported."""
    site, trace = tmp_path / "site", tmp_path / "trace"
    for name in ("acme_one", "acme_two"):
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[augalgebra]\n{name} = {name}\n")
        spy = f"import pathlib\npathlib.Path({str(trace)!r}).open('a').write('{name}\\n')\n"
        (site / f"{name}.py").write_text(spy + PLUGIN.format(name="glow"))
    places = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    env = {"PYTHONPATH": places, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    first = augalg("plugins", "list", "--json", env=env)
    second = augalg("plugins", "list", "--json", env=env)
    assert (first.returncode, second.returncode) == (0, 0)
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert trace.read_text().split() == ["acme_one", "acme_two"]
    assert augalg("plugins", "list", "--refresh", env=env).returncode == 0
    assert len(trace.read_text().split()) == 4
    (site / "acme_two.py").write_text((site / "acme_two.py").read_text() + "# changed\n")
    assert augalg("plugins", "list", env=env).returncode == 0
    assert len(trace.read_text().split()) == 6
