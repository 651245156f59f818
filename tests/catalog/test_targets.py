"""What a user may name as a plugin, and how it is told when there is none."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import augalgebra as aa
from augalgebra.catalog import LoadedTarget, load_target
from augalgebra.errors import AugalgebraError

PLUGIN = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("negate", inverse="self")
    def negate(x):
        {body}return 1 - x
"""
PROJECT = """
[project]
name = "acme-{name}"
version = "1.2"
[project.entry-points.augalgebra]
{name} = "acme_{name}"
"""


def source(body: str = "") -> str:
    return PLUGIN.format(body=body)


def project(folder: Path, name: str) -> Path:
    """A project as its author has it on disk; its plugin imports a part of itself only when it is used."""
    package = folder / "src" / f"acme_{name}"
    package.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT.format(name=name))
    (package / "__init__.py").write_text(source(f"from acme_{name} import kernels; "))
    (package / "kernels.py").write_text("")
    return folder


def summary(target: LoadedTarget) -> tuple[str, list[str], tuple[str, ...]]:
    return target.kind, [info.name for info in target.plugins], target.names


def test_an_installed_plugin_by_its_name_its_module_and_its_distribution() -> None:
    by_name, by_module = load_target("noise"), load_target("augalg_noise")
    assert summary(by_name) == summary(by_module) == ("installed", ["noise"], ("noise.sap_noise", "noise.tl_sap_noise"))
    whole = load_target("augalgebra")
    assert {"dihedral", "affine"} <= {info.name for info in whole.plugins}


def test_a_file(tmp_path: Path) -> None:
    (tmp_path / "sunny.py").write_text(source())
    target = load_target(str(tmp_path / "sunny.py"))
    assert summary(target) == ("file", ["sunny"], ("sunny.negate",))
    assert target.catalog.equal("negate * flip_lr * negate", "negate * flip_lr * negate").equal
    assert "dihedral.flip_lr" in target.catalog.augmentations


def test_a_file_of_the_plugin_folders_by_its_name_and_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "sunny.py").write_text(source())
    settings = aa.Settings((tmp_path,))
    assert summary(load_target("sunny", settings=settings)) == ("file", ["sunny"], ("sunny.negate",))
    assert load_target(str(tmp_path / "sunny.py"), settings=settings).names == ("sunny.negate",)


def test_a_name_is_looked_for_without_loading_what_else_is_there(tmp_path: Path) -> None:
    for name in ("sunny", "other"):
        (tmp_path / f"{name}.py").write_text(source())
    target = load_target("sunny", folders=(tmp_path,))
    assert (target.names, "other.negate" in target.catalog.augmentations) == (("sunny.negate",), False)


def test_more_is_loaded_when_asked_for(tmp_path: Path) -> None:
    (tmp_path / "sunny.py").write_text(source())
    for alongside in ((), ("augalgebra",), True):
        assert load_target(tmp_path / "sunny.py", alongside=alongside).names == ("sunny.negate",)


def test_the_plugin_itself() -> None:
    import augalg_noise

    assert summary(load_target(augalg_noise))[0] == "installed"
    made = ModuleType("augalg_made")
    exec(source(), made.__dict__)
    assert summary(load_target(made)) == ("object", ["made"], ("made.negate",))


def test_a_folder_of_files(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(source())
    assert summary(load_target(str(tmp_path)))[1:] == (["one", "two"], ("one.negate", "two.negate"))


def test_a_package(tmp_path: Path) -> None:
    package = tmp_path / "acme_packed"
    package.mkdir()
    (package / "__init__.py").write_text(source())
    for text in (package, package / "__init__.py"):
        assert summary(load_target(str(text))) == ("folder", ["acme_packed"], ("acme_packed.negate",))


def test_a_project_that_is_not_installed(tmp_path: Path) -> None:
    import torch

    target = load_target(str(project(tmp_path, "inplace")))
    (info,) = target.plugins
    assert (info.name, info.distribution, info.version) == ("inplace", "acme-inplace", "1.2")
    assert target.names == ("inplace.negate",)
    assert float(target.catalog.apply("negate", torch.ones(1, 1, 2, 2)).max()) == 0


def test_a_module_that_can_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "acme_importable.py").write_text(source())
    monkeypatch.syspath_prepend(str(tmp_path))
    assert summary(load_target("acme_importable"))[:2] == ("module", ["acme_importable"])


def test_only_the_first_party_and_the_target_are_loaded(tmp_path: Path) -> None:
    (tmp_path / "sunny.py").write_text(source())
    catalog = load_target(str(tmp_path / "sunny.py")).catalog
    assert {info.distribution for info in catalog.plugins} == {"augalgebra", ""}


REFUSALS = {
    "broken.py": "cannot be loaded: RuntimeError: no such device",
    "dihedral.py": "the name 'dihedral' is taken by distribution augalgebra",
    "nowhere.py": "there is no file or folder",
    "./notes.txt": "is not a Python file",
    "./plain": "add [project.entry-points.augalgebra]",
    "./damaged": "is not valid TOML",
    "./away": "ModuleNotFoundError: No module named 'acme_x'",
    "./empty": "holds no plugin",
    "dihedrl": "did you mean dihedral?",
    "json": "implements no hook",
    "broken": "write broken.py",
}


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of things that are no plugins, which is the current one."""
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such device')")
    (tmp_path / "dihedral.py").write_text(source())
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()
    projects = {"plain": "[project]\nname='plain'", "damaged": "[project", "away": PROJECT.format(name="x")}
    for name, text in projects.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "pyproject.toml").write_text(text)
    monkeypatch.chdir(tmp_path)


@pytest.mark.usefixtures("faulty")
@pytest.mark.parametrize("text", REFUSALS)
def test_what_cannot_be_loaded_gets_one_line(text: str) -> None:
    with pytest.raises(AugalgebraError) as caught:
        load_target(text)
    assert REFUSALS[text] in str(caught.value)
    assert "\n" not in str(caught.value)


def test_naming_a_target_imports_nothing_heavy() -> None:
    code = (
        "import sys; from augalgebra.catalog import load_target; load_target('dihedral');"
        "sys.exit(' '.join({'torch', 'albumentations', 'scipy', 'cv2'} & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
