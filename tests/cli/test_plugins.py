"""Writing a plugin and checking it, as its author does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from augalg_cli import scaffold
from augalg_cli.commands import author
from augalg_cli.scaffold import names_of

from augalgebra.errors import AugalgebraError

Augalg = Callable[..., Any]  # a process of its own: what is imported here stays a plugin for all tests that follow
Program = Callable[..., Any]

FAULTY = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("sunny.bright", inverse="self")
    def bright(x):
        '''Brighten.'''
        return x * 1.5
"""


@pytest.fixture(scope="module")
def wave(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugin just written, which nothing changes."""
    folder = tmp_path_factory.mktemp("new")
    program = Path(sys.executable).with_name("augalg")
    subprocess.run([program, "plugins", "new", "wave"], cwd=folder, check=True, capture_output=True)
    return folder / "wave"


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_plugin_is_a_whole_project(wave: Path) -> None:
    written = files(wave)
    assert set(written) == {
        ".gitignore",
        "README.md",
        "pyproject.toml",
        "src/augalg_wave/__init__.py",
        "tests/test_augalg_wave.py",
    }
    assert not [name for name, text in written.items() if b"$" in text]


def test_its_own_test_passes_at_once(wave: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=wave, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


def test_a_new_plugin_conforms_before_it_is_installed(augalg: Augalg, wave: Path) -> None:
    done = augalg("plugins", "check", str(wave), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["conforms"], found["failed"], found["plugins"]) == (True, 0, ["wave"])


def test_breaking_its_law_is_refused_with_what_holds(augalg: Augalg, wave: Path, tmp_path: Path) -> None:
    source = (wave / "src/augalg_wave/__init__.py").read_text()
    (tmp_path / "wave.py").write_text(source.replace('inverse="self"', "period=3"))
    done = augalg("plugins", "check", "wave.py", "--only", "laws")
    assert done.returncode == 1
    assert "checker(square)^3 = id" in done.stdout
    assert "what holds instead: checker(16)^2 = id" in done.stdout


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Big Wave", "such as big_wave"),
        ("9lives", "such as lives"),
        ("-", "cannot be the name of a plugin"),
        ("../up", "such as up"),
        ("class", "means something else"),
        ("dihedral", "there is a plugin 'dihedral' already (distribution augalgebra"),
        ("cli", "there is a plugin 'cli' already"),
        ("taken", "taken is there already; --force writes over its files"),
        ("file", "file is there already; choose another name"),
    ],
)
def test_a_name_that_cannot_be_gets_one_line(program: Program, tmp_path: Path, name: str, message: str) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "file").write_text("mine")
    done = program("plugins", "new", name)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert files(tmp_path) == {"file": b"mine"}


def test_names_follow_from_the_one_given() -> None:
    assert [tuple(vars(names_of(name)).values()) for name in ("wave", "augalg-big-wave", "big_wave")] == [
        ("wave", "augalg_wave", "augalg-wave"),
        ("big_wave", "augalg_big_wave", "augalg-big-wave"),
        ("big_wave", "augalg_big_wave", "augalg-big-wave"),
    ]


def test_force_writes_over_its_own_files_only(augalg: Augalg, tmp_path: Path) -> None:
    folder = tmp_path / "here" / "wave"
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("old")
    (folder / "notes.md").write_text("mine")
    done = augalg("plugins", "new", "wave", "--dir", "here", "--force", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["folder"] == str(Path("here/wave"))
    written = files(folder)
    assert written["notes.md"] == b"mine"
    assert written["README.md"].startswith(b"# augalg-wave")
    assert {path.name for path in (tmp_path / "here").iterdir()} == {"wave"}


def test_nothing_is_left_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []
    write_text = Path.write_text

    def full_disk(path: Path, text: str, **keywords: Any) -> int:
        if len(written) == 3:
            raise OSError(28, "No space left on device")
        written.append(path)
        return write_text(path, text, **keywords)

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(AugalgebraError, match="No space left on device"):
        scaffold.write(scaffold.render(names_of("wave")), tmp_path / "wave")
    assert len(written) == 3
    assert list(tmp_path.iterdir()) == []


def test_a_faulty_plugin_is_told_what_is_wrong(program: Program, tmp_path: Path) -> None:
    (tmp_path / "sunny.py").write_text(FAULTY)
    done = program("plugins", "check", "sunny.py", "--junit", "out/report.xml")
    assert done.code == 1
    table, _, rest = done.out.partition("\n\n")
    assert "range" in table
    assert max(map(len, table.splitlines())) <= 80
    for text in (
        "pixels are finite and lie in [0, 1]",
        "returned   1.5 at",
        "augalg plugins check sunny.py --only range",
    ):
        assert text in rest
    assert rest.rstrip().splitlines()[-1].startswith("sunny: does not conform; ")
    suite = ElementTree.parse(tmp_path / "out/report.xml").getroot()[0]
    assert int(suite.attrib["failures"]) == len(suite.findall("testcase/failure")) > 1
    again = program("plugins", "check", "sunny.py", "--only", "range", "--name", "sunny.bright", "--json")
    assert again.code == 1
    (failure,) = again.data["results"][0]["failures"]
    assert failure["case"] in rest


def test_every_aspect_is_in_the_help() -> None:
    from augalgebra.testing import ASPECTS

    listed = (author.check.__doc__ or "").partition("Aspects: ")[2].rstrip(". \n")
    assert [item.strip() for item in listed.split(",")] == list(ASPECTS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py"], "there is no file or folder nowhere.py"),
        (["dihedrl"], "did you mean dihedral?"),
        (["broken.py"], "broken.py cannot be loaded: RuntimeError: no such device"),
        (["dihedral", "--name", "flip_rl"], "did you mean dihedral.flip_lr"),
        (["sunny"], "sunny cannot be loaded: RuntimeError: found by name"),
        (["dihedral", "--junit", "."], "--junit . is a folder"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_to_a_check_gets_one_line(
    program: Program, tmp_path: Path, arguments: list[str], message: str
) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such device')")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "sunny.py").write_text("raise RuntimeError('found by name')")
    done = program("plugins", "check", *arguments, env={"AUGALG_PLUGINS": "mine"})
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1


def test_a_broken_plugin_shows_its_traceback_when_debugging(program: Program, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('no such device')")
    assert "line 1, in <module>" in program("--debug", "plugins", "check", "broken.py").err


EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "augalg-example"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory, wave: Path) -> Path:
    """The example distribution and a new plugin, built and installed into a folder of their own."""
    pytest.importorskip("hatchling")
    target = tmp_path_factory.mktemp("site")
    options = ["--no-deps", "--no-build-isolation", "--no-compile", "--disable-pip-version-check", "--quiet"]
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(target), str(EXAMPLE), str(wave)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def beside(target: Path) -> dict[str, str]:
    paths = [str(target), os.environ.get("PYTHONPATH", "")]
    return {"PYTHONPATH": os.pathsep.join(path for path in paths if path)}


def test_an_installed_third_party_distribution_is_found(augalg: Augalg, installed: Path) -> None:
    listed = json.loads(augalg("plugins", "list", "--json", env=beside(installed)).stdout)["plugins"]
    found = {info["name"]: info for info in listed}
    assert {info["status"] for info in listed} == {"loaded"}
    assert (found["example"]["distribution"], found["example"]["version"]) == ("augalg-example", "0.3.0")
    assert found["example"]["augmentations"] == ["example.slide", "example.fold"]
    assert found["wave"]["augmentations"] == ["wave.checker"]


def test_an_installed_third_party_distribution_conforms(augalg: Augalg, installed: Path) -> None:
    done = augalg("plugins", "check", "augalg-example", "--json", env=beside(installed))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["plugins"], found["not_checked"]) == (["example"], 0)
    assert {result["subject"] for result in found["results"]} == {"example", "example.slide", "example.fold"}


def test_an_installed_third_party_distribution_is_registered(augalg: Augalg, installed: Path, tmp_path: Path) -> None:
    done = augalg("register", "augalg-example", "--json", env=beside(installed))
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert (found["name"], found["kind"]) == ("example", "installed")
    assert (found["distribution"], found["version"]) == ("augalg-example", "0.3.0")
    assert {item["verdict"] for item in found["laws"]["results"]} == {"holds"}
    assert {item["name"] for item in found["augmentations"]} == {"example.slide", "example.fold"}
    listed = json.loads(augalg("list", "--plugin", "example", "--json", env=beside(installed)).stdout)
    assert {item["registered"] for item in listed["augmentations"]} == {"example"}
    # where it is not installed, that is said, and nothing else is harmed
    elsewhere = augalg("equal", "flip_lr^2", "id")
    assert elsewhere.returncode == 0
    assert "augalg-example is not installed here any more" in elsewhere.stderr


def test_the_laws_of_an_installed_plugin_are_reasoned_with(augalg: Augalg, installed: Path) -> None:
    done = augalg("equal", "slide(3) * slide(-3)", "id", "--json", env=beside(installed))
    assert json.loads(done.stdout)["equal"] is True


def test_the_examples_own_test_passes(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", str(EXAMPLE)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
