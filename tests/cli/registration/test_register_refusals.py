"""What cannot be registered: one clear line, and a workspace that is as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from augalgebra.catalog.digest import files_digest

Program = Callable[..., Any]

GOOD = (Path(__file__).parent.parent.parent / "fixtures" / "negate.py").read_text()
CANNOT_LOAD = {
    "does not import": ("import no_such_package", "No module named 'no_such_package'"),
    "has no hook": ("x = 1", "implements no hook"),
    "wrong signature": (GOOD.replace("(register)", "(registrar)"), "registrar"),
    "wrong hook": (GOOD.replace("augalg_register", "augalg_registre"), "did you mean augalg_register?"),
    "takes a name": (GOOD.replace('"negate"', '"dihedral.flip_lr"'), "dihedral.flip_lr is already registered by"),
    "exits": ("raise SystemExit(3)", "SystemExit: 3"),
    "newer contract": (f"AUGALG_CONTRACT = 9\n{GOOD}", "written for plugin contract 9"),
    "unknown keyword": (GOOD.replace("inverse=", "invers="), "did you mean 'inverse'?"),
}
BREAKS_A_PROMISE = {
    "raises": ("raise RuntimeError('no such device')", "no such device"),
    "another shape": ("return x[..., :-1]", "shape"),
    "another dtype": ("return x.double()", "float64"),
    "changes its input": ("return x.mul_(0.5)", "input"),
    "not finite": ("return x / 0 * 0", "finite"),
    "random": ("import torch; return torch.rand_like(x)", "same"),
}


@pytest.mark.parametrize("fault", CANNOT_LOAD)
def test_what_cannot_be_loaded_gets_one_clear_line(program: Program, tmp_path: Path, fault: str) -> None:
    source, message = CANNOT_LOAD[fault]
    (tmp_path / "wave.py").write_text(source)
    done = program("register", "wave.py")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "augalg.toml").exists()


@pytest.mark.parametrize("fault", BREAKS_A_PROMISE)
def test_what_breaks_a_promise_is_refused(program: Program, tmp_path: Path, fault: str) -> None:
    body, message = BREAKS_A_PROMISE[fault]
    source = GOOD.replace(', inverse="self", commutes_with=["flip_lr"]', "").replace("return 1 - x", body)
    (tmp_path / "wave.py").write_text(source)
    (tmp_path / "augalg.toml").write_text("# mine\n")
    done = program("register", "wave.py")
    assert done.code == 1
    (refused, *_) = [line for line in done.out.splitlines() if line.startswith("refused: wave.negate: ")]
    assert message in refused
    assert (tmp_path / "augalg.toml").read_text() == "# mine\n"


def test_what_was_never_run_is_registered_with_a_note_that_says_so(program: Program, tmp_path: Path) -> None:
    source = GOOD.replace(', inverse="self", commutes_with=["flip_lr"]', "").replace("(x", "(x, mode: str")
    (tmp_path / "wave.py").write_text(source.replace("return 1 - x", "raise RuntimeError('never works')"))
    done = program("register", "wave.py")
    reason = 'no values can be made up for mode; give a word, --word "negate(...)"'
    asked = f"{reason}, to 'augalg plugins check wave.py'"
    assert (done.code, done.err) == (0, f"wave.negate was never run, so none of its promises is known: {asked}\n")
    checked = program("plugins", "check", "wave.py")
    assert (checked.code, checked.out.splitlines()[-1]) == (1, "wave: not checked; 1 passed, 13 not checked")
    assert reason in checked.err
    told = program("plugins", "check", "wave.py", "--json")
    assert (told.code, told.data["conforms"], told.data["untried"]) == (1, False, {"wave.negate": reason})


def test_what_is_registered_already_is_not_harmed_by_what_is_refused(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD)
    assert program("register", "wave.py").code == 0
    before = (tmp_path / "augalg.toml").read_bytes()
    for source, code in (("1 / 0", 2), (GOOD.replace("1 - x", "x * 2"), 1)):
        (tmp_path / "other.py").write_text(source)
        assert program("register", "other.py").code == code
        assert (tmp_path / "augalg.toml").read_bytes() == before
        assert program("equal", "wave.negate^2", "id").code == 0


def test_a_contradiction_is_refused_before_anything_is_recorded(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD.replace('inverse="self"', 'inverse="self", idempotent=True'))
    done = program("register", "wave.py")
    assert done.code == 1
    assert "refused: AUG101 wave.negate" in done.out


def test_two_distributions_that_claim_one_name_are_both_named(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("acme-one", "acme-two"):
        folder = tmp_path / "site" / f"{name.replace('-', '_')}-1.0.dist-info"
        folder.mkdir(parents=True)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (folder / "entry_points.txt").write_text("[augalgebra]\nacme = acme_plugin\n")
    (tmp_path / "site" / "acme_plugin.py").write_text(GOOD)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    done = program("register", "acme")
    assert done.code == 2
    assert "acme-one" in done.err
    assert "acme-two" in done.err
    assert len(done.err.splitlines()) == 1


X = '[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\nplugins=["x"]\n'
NONSENSE = {
    "no TOML": ("[[registered]\nname = 1", "is not valid TOML"),
    "no table": ("registered = 3", "'registered' must be a list of tables"),
    "no name": ('[[registered]]\ntarget = "x"', "[[registered]] number 1 is incomplete: 'name' is missing"),
    "unknown key": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\nplugin=["x"]', "did you mean plugins?"),
    "wrong type": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\nplugins="x"', "plugins must be a list"),
    "no plugins": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\n', "(x) has no plugins"),
    "wrong kind": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="fiel"', "kind must be one of"),
    "no law": (
        '[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\nplugins=["x"]\naccepted=["x *"]',
        "'x *' is no law",
    ),
    "endless law": (
        X + 'accepted=["a^99999999999 = id"]',
        "(x): accepted: 'a^99999999999 = id' is no law: a^99999999999 = id: a side of a law has at most 1000 letters",
    ),
    "contract": (
        X + "contract=-1",
        "(x): contract must be a whole number of at least 1, not -1; register it again, or delete it",
    ),
    "digest": (
        X + "augmentations=[{name='x.a', laws='x'}]",
        "(x): augmentations, number 1: laws must be a SHA-256",
    ),
    "foreign law": (X + 'accepted=["dihedral.flip_lr = id"]', "speaks of none of its augmentations; register it again"),
    "unprintable": (X + 'through="\\u0000"', "(x): through must be a text of 1 to 255 printable letters"),
    "no module": ('[[registered]]\nname="x"\ntarget="./wave.py"\nkind="module"\nplugins=["x"]', "name of a module"),
    "twice": (X * 2, "'x' is in there twice"),
}


@pytest.mark.parametrize("fault", NONSENSE)
@pytest.mark.parametrize("command", [["list"], ["register", "wave.py"], ["unregister", "x"]], ids=lambda c: c[0])
def test_a_workspace_file_of_nonsense_gets_one_line_with_the_place(
    program: Program, tmp_path: Path, fault: str, command: list[str]
) -> None:
    text, message = NONSENSE[fault]
    (tmp_path / "wave.py").write_text(GOOD)
    (tmp_path / "augalg.toml").write_text(text)
    done = program(*command)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "augalg.toml" in done.err
    assert len(done.err.splitlines()) == 1
    assert (tmp_path / "augalg.toml").read_text() == text


ENTRY = '[[registered]]\nname = "wave"\ntarget = "{target}"\nkind = "{kind}"\nplugins = ["wave"]\n{more}'


@pytest.mark.parametrize(
    ("target", "kind", "more"),
    [
        ("../wave.py", "file", ""),
        ("../wave.py", "file", 'version = "{digest}"'),
        ("mine/../../wave.py", "file", ""),
        ("{outside}/wave.py", "file", ""),
        ("{outside}/wave.py", "file", 'version = "1.0"'),
        ("link.py", "file", 'version = "{digest}"'),
        ("linked", "folder", ""),
        ("holding", "folder", ""),
        ("../wave.py", "module", ""),
        ("..", "folder", ""),
        ("../turn.json", "transform", '[[registered.augmentations]]\nname = "workspace.turn"'),
    ],
)
def test_what_lies_elsewhere_is_never_run(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, kind: str, more: str
) -> None:
    inside = tmp_path / "inside"
    (inside / "holding").mkdir(parents=True)
    wave, ran = tmp_path / "wave.py", tmp_path / "ran"
    wave.write_text(f"import pathlib\npathlib.Path({str(ran)!r}).touch()\n{GOOD}")
    (tmp_path / "turn.json").write_text("{}")
    (inside / "link.py").symlink_to(wave)
    (inside / "linked").symlink_to(tmp_path)
    (inside / "holding" / "wave.py").symlink_to(wave)
    values = {"outside": tmp_path, "digest": files_digest([wave])}
    text = ENTRY.format(target=target.format(**values), kind=kind, more=more.format(**values))
    (inside / "augalg.toml").write_text(text)
    monkeypatch.chdir(inside)
    for command in (["list"], ["equal", "flip_lr", "id"], ["plugins", "info", "wave"], ["unregister", "wave"]):
        done = program(*command)
        assert (done.code, done.out) == (2, "")
        assert "register" in done.err
        assert "augalg.toml: [[registered]] number 1 (wave): target " in done.err or kind == "module"
        assert len(done.err.splitlines()) == 1
    assert not ran.exists()


@pytest.mark.parametrize("way", ["..", "absolute", "link", "folder"])
def test_what_its_user_registers_from_elsewhere_works_as_long_as_it_is_the_same(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    inside, wave = tmp_path / "inside", tmp_path / "others" / "wave.py"
    for folder in (inside, wave.parent):
        folder.mkdir()
    wave.write_text(GOOD)
    (inside / "link.py").symlink_to(wave)
    monkeypatch.chdir(inside)
    named = {"..": "../others/wave.py", "absolute": str(wave), "link": "link.py", "folder": "../others"}
    assert program("register", named[way]).code == 0
    assert program("equal", "negate^2", "id").code == 0
    assert program("plugins", "list").err == ""
    wave.write_text(f"import pathlib\npathlib.Path({str(tmp_path / 'ran')!r}).touch()\n{GOOD}")
    done = program("equal", "flip_lr", "flip_lr")
    assert done.code == 0
    assert "lies outside this folder and is not what was registered; register it again" in done.err
    assert program("equal", "negate^2", "id").code == 2
    assert not (tmp_path / "ran").exists()
    assert program("register", named[way]).code == 0
    assert program("equal", "negate^2", "id").code == 0
    assert (tmp_path / "ran").exists()


def test_a_registration_of_a_later_contract_is_named(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD)
    assert program("register", "wave.py").code == 0
    file = tmp_path / "augalg.toml"
    file.write_text(file.read_text().replace("contract = 1", "contract = 9"))
    done = program("list")
    assert done.code == 0
    assert "registered against version 9 of the plugin contract" in done.err


def test_unregistering_suggests_the_nearest_name(program: Program, tmp_path: Path) -> None:
    assert "nothing is registered here" in program("unregister", "wave").err
    (tmp_path / "wave.py").write_text(GOOD)
    assert program("register", "wave.py").code == 0
    done = program("unregister", "wvae")
    assert done.code == 2
    assert "did you mean wave?" in done.err


def test_a_file_that_cannot_be_written_is_left_alone(program: Program, tmp_path: Path) -> None:
    (tmp_path / "wave.py").write_text(GOOD)
    (tmp_path / "augalg.toml").mkdir()
    done = program("register", "wave.py")
    assert done.code == 2
    assert "cannot read" in done.err
