"""What cannot be registered: one clear line, and a workspace that is as it was."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Program = Callable[..., Any]

GOOD = (Path(__file__).parent / "data" / "negate.py").read_text()
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


NONSENSE = {
    "no TOML": ("[[registered]\nname = 1", "is not valid TOML"),
    "no table": ("registered = 3", "'registered' must be a list of tables"),
    "no name": ('[[registered]]\ntarget = "x"', "[[registered]] number 1 has no name"),
    "unknown key": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\nplugin=["x"]', "did you mean plugins?"),
    "wrong type": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\nplugins="x"', "plugins must be a list"),
    "wrong kind": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="fiel"', "kind must be one of"),
    "no law": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\naccepted=["x *"]', "'x *' is no law"),
    "twice": ('[[registered]]\nname="x"\ntarget="x.py"\nkind="file"\n' * 2, "'x' is in there twice"),
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
