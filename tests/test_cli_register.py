"""Registering plugins and transforms in a workspace, as a user would: the program is run in an empty folder."""

import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from augalg_cli import app, options

GOOD = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("negate", inverse="self", commutes_with=["flip_lr"])
    def negate(x):
        return 1 - x
"""
FALSE = GOOD.replace('["flip_lr"]', '["flip_lr", "solarize"]')
FALSE_LAW = "negate * solarize(threshold) = solarize(threshold) * negate"


class Done(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.out)
        return answer


Program = Callable[..., Done]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Program:
    """Run the program's main function in an empty folder, without the seconds that a new process takes to import."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    for variable in ("AUGALG_PLUGINS", "AUGALG_DISABLE", "AUGALG_DEBUG"):
        monkeypatch.delenv(variable, raising=False)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["augalg", *arguments])
        options.catalog.cache_clear()
        capsys.readouterr()
        try:
            app.main()
            code = 0
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Done(code, *capsys.readouterr())

    return run


def write(folder: Path, name: str, source: str) -> Path:
    file = folder / name
    file.write_text(textwrap.dedent(source))
    return file


def test_a_registered_file_is_there_from_then_on(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", GOOD)
    done = program("register", "wave.py")
    assert done.code == 0, done.err
    assert "2 laws: 2 hold" in done.out
    assert program("equal", "negate * negate", "id").code == 0
    (listed,) = program("list", "--plugin", "wave", "--json").data["augmentations"]
    assert (listed["name"], listed["registered"]) == ("wave.negate", "wave")
    assert "registered" in program("plugins", "list").out
    assert program("unregister", "negate").code == 0
    assert not (tmp_path / "augalg.toml").exists()
    assert program("equal", "negate * negate", "id").code == 2


def test_a_registration_says_what_was_registered(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", GOOD.replace("def negate(x)", "def negate(x, strength=1.0)"))
    done = program("register", "wave.py", "--json").data
    assert (done["name"], done["target"], done["kind"], done["plugins"]) == ("wave", "wave.py", "file", ["wave"])
    assert done["augmentations"][0]["signature"] == "negate(strength=1)"
    assert done["registered"]
    assert done["changed"]
    assert {item["verdict"] for item in done["laws"]["results"]} == {"holds"}


def test_registering_again_leaves_the_file_as_it_is(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", GOOD)
    assert program("register", "wave.py", "--accept-proposed").code == 0
    before = (tmp_path / "augalg.toml").read_bytes()
    for more in ([], ["--accept-proposed"]):
        done = program("register", "wave.py", "--json", *more)
        assert done.code == 0
        assert not done.data["changed"]
        assert (tmp_path / "augalg.toml").read_bytes() == before
    assert "changed" not in program("plugins", "list").err


def test_what_else_is_in_the_file_stays(program: Program, tmp_path: Path) -> None:
    mine = '# mine\r\n[plugins]\r\ndisable = ["noise"]   # too loud\r\n'
    (tmp_path / "augalg.toml").write_bytes(mine.encode())
    write(tmp_path, "wave.py", GOOD)
    assert program("register", "wave.py").code == 0
    assert (tmp_path / "augalg.toml").read_bytes().startswith(mine.encode())
    with (tmp_path / "augalg.toml").open("ab") as file:
        file.write(b"\r\n# more of mine\r\n[elsewhere]\r\nx = 1\r\n")
    assert program("register", "wave.py", "--accept-proposed").code == 0
    assert program("unregister", "wave").code == 0
    assert (tmp_path / "augalg.toml").read_bytes() == (mine + "\r\n# more of mine\r\n[elsewhere]\r\nx = 1\r\n").encode()


def test_a_dry_run_records_nothing(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", GOOD)
    done = program("register", "wave.py", "--dry-run")
    assert done.code == 0
    assert "nothing was recorded" in done.out
    assert not (tmp_path / "augalg.toml").exists()


def test_a_violated_law_refuses_with_the_law_that_holds(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", FALSE)
    done = program("register", "wave.py")
    assert done.code == 1
    assert f'refused: {FALSE_LAW} is violated; mend it, or admit it as violated: --allow-violated "{FALSE_LAW}"' in (
        done.out
    )
    assert "instead:" in done.out
    assert not (tmp_path / "augalg.toml").exists()


@pytest.mark.parametrize("asked", ["commutes", FALSE_LAW], ids=["by kind", "by equation"])
def test_a_law_admitted_as_violated_is_shown_and_never_used(program: Program, tmp_path: Path, asked: str) -> None:
    write(tmp_path, "wave.py", FALSE)
    done = program("register", "wave.py", "--allow-violated", asked)
    assert done.code == 0
    assert "admitted as violated, and never used" in done.out
    assert program("equal", "negate * solarize(0.3)", "solarize(0.3) * negate").code == 1
    assert program("equal", "negate * flip_lr", "flip_lr * negate", "--json").data["level"] == "laws"
    (listed,) = program("list", "--plugin", "wave", "--json").data["augmentations"]
    assert [law["status"] for law in listed["laws"] if "solarize" in law["equation"]] == ["violated"]
    assert "violated: " in " ".join(program("list", "--plugin", "wave").out.split())
    assert "violated, never used" in " ".join(program("plugins", "info", "wave").out.split())
    # asked for once is enough
    assert program("register", "wave.py").code == 0


def test_only_a_violated_law_can_be_allowed(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", FALSE)
    done = program("register", "wave.py", "--allow-violated", "negate * negate = id")
    assert (done.code, done.out) == (2, "")
    assert "names no violated law" in done.err
    assert FALSE_LAW in done.err


TRANSFORMS = {
    "HorizontalFlip": ("horizontal_flip", ["horizontal_flip^2 = id", "horizontal_flip = flip_lr"]),
    "Transpose": ("transpose_2", ["transpose_2^2 = id", "transpose_2 = transpose"]),
    "D4(seed=1)": ("d4", ["d4^4 = id", "d4 = rotate_cw"]),
    "D4(seed=4)": ("d4", ["d4^2 = id", "d4 = anti_transpose"]),
    "Posterize(num_bits=4)": ("posterize_2", ["posterize_2^2 = posterize_2"]),
    "Solarize(threshold_range=(0.5,0.5))": ("solarize_2", ["solarize_2^2 = solarize_2", "solarize_2 = solarize(0.5)"]),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_laws_of_transforms_are_proposed(program: Program, transform: str) -> None:
    name, laws = TRANSFORMS[transform]
    done = program("register", f"albumentations:{transform}", "--json")
    assert done.code == 0, done.err
    assert done.data["name"] == name
    proposed = {item["equation"]: item for item in done.data["proposed"]}
    assert list(proposed)[: len(laws)] == laws
    assert all(item["error"] < 1e-5 < item["moved"] for item in proposed.values())
    assert not any(item["accepted"] for item in proposed.values())


def test_a_blur_has_neither_period_nor_equal(program: Program) -> None:
    done = program("register", "albumentations:GaussianBlur(sigma_limit=(1, 1))", "--json").data
    assert {item["law"] for item in done["proposed"]} == {"commutes"}


def test_accepted_laws_are_reasoned_with(program: Program) -> None:
    target = "albumentations:HorizontalFlip()"
    assert program("register", target, "--name", "mirror").code == 0
    assert program("equal", "mirror * mirror", "id", "--json").data["level"] == "pixel"
    assert program("register", target, "--name", "mirror", "--accept", "mirror * mirror = id").code == 0
    assert program("equal", "mirror * mirror", "id", "--json").data["level"] == "laws"
    assert program("equal", "mirror", "flip_lr", "--json").data["level"] == "pixel"
    done = program("register", target, "--name", "mirror", "--accept", "mirror = flip_ud")
    assert done.code == 2
    assert "is no proposed law (proposed: mirror^2 = id; mirror = flip_lr)" in done.err


def test_a_pipeline_of_a_file_is_registered_and_watched(program: Program, tmp_path: Path) -> None:
    import albumentations

    pipeline = albumentations.Compose([albumentations.HorizontalFlip(p=1), albumentations.Transpose(p=1)])
    albumentations.save(pipeline, tmp_path / "turn.json")
    done = program("register", "turn.json", "--json").data
    assert done["name"] == "turn"
    assert "turn = rotate_ccw" in {item["equation"] for item in done["proposed"]}
    assert program("plugins", "list").err == ""
    (tmp_path / "turn.json").write_text((tmp_path / "turn.json").read_text() + " ")
    assert "turn has changed since it was registered (its content is another now)" in program("plugins", "list").err
    (tmp_path / "turn.json").unlink()
    assert "turn is registered but did not load: the registered file turn.json is gone" in program("list").err


def test_a_file_that_changed_or_vanished_is_named(program: Program, tmp_path: Path) -> None:
    file = write(tmp_path, "wave.py", GOOD)
    assert program("register", "wave.py", "--accept-proposed").code == 0
    file.write_text(GOOD.replace(', commutes_with=["flip_lr"]', ""))
    done = program("plugins", "list", "--json")
    assert "wave has changed since it was registered" in done.err
    assert "register it again" in done.err
    (info,) = [item for item in done.data["plugins"] if item["name"] == "wave"]
    assert "the laws of wave.negate are others now" in info["changed"]
    assert program("register", "wave.py").code == 0
    assert program("plugins", "list").err == ""
    file.unlink()
    done = program("equal", "flip_lr", "flip_lr")
    assert done.code == 0
    assert "the registered file wave.py is gone" in done.err
    assert len(done.err.splitlines()) == 1
    assert program("unregister", "wave").code == 0


def test_installed_plugins_can_be_registered(program: Program, tmp_path: Path) -> None:
    assert program("register", "noise").code == 0
    done = program("plugins", "list", "--json").data
    assert [item["name"] for item in done["plugins"] if item["registered"]] == ["noise"]
    (tmp_path / "augalg.toml").write_text((tmp_path / "augalg.toml").read_text().replace("noise", "gone"))
    assert "gone is registered but did not load" in program("list").err


def test_a_short_name_that_is_taken_gets_a_number_and_keeps_it(program: Program) -> None:
    for target, name in [("NoOp", "no_op"), ("NoOp(p=1)", "no_op_2"), ("NoOp( p = 1 )", "no_op_2")]:
        assert program("register", f"albumentations:{target}", "--json").data["name"] == name


NO_FUNCTION = "is not one function of the image"
BAD_TRANSFORMS = {
    "albumentations:Solarise": "did you mean Solarize?",
    "albumentation:Solarize": "did you mean albumentations?",
    "dihedral:flip": "the plugin dihedral builds nothing from a text",
    "albumentations:Solarize(treshold_range=(0.5, 0.5))": "did you mean threshold_range?",
    "albumentations:Solarize(threshold_range=open('x'))": "is not a literal",
    "albumentations:Solarize(threshold_range=(0.5, 7))": "threshold_range",
    "albumentations:Solarize(": "cannot be read",
    "albumentations:__import__('os').getcwd()": "is no transform with its settings",
    "albumentations:HorizontalFlip(p=0.5)": f"p below 1 {NO_FUNCTION}",
    "albumentations:GaussianBlur": f"{NO_FUNCTION}; fix its ranges, for example sigma_limit=(3.0, 3.0)",
    "albumentations:GaussNoise": f"{NO_FUNCTION}; give a seed",
    "albumentations:D4(seed='x')": "seed must be a whole number",
}


@pytest.mark.parametrize("target", BAD_TRANSFORMS)
def test_a_bad_transform_gets_one_clear_line(program: Program, tmp_path: Path, target: str) -> None:
    done = program("register", target)
    assert (done.code, done.out) == (2, "")
    assert BAD_TRANSFORMS[target] in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "augalg.toml").exists()


def test_a_random_pipeline_says_how_to_fix_it(program: Program, tmp_path: Path) -> None:
    import albumentations

    albumentations.save(
        albumentations.Compose([albumentations.HorizontalFlip(p=0.5)]), tmp_path / "sometimes.yaml", "yaml"
    )
    done = program("register", "sometimes.yaml")
    assert done.code == 2
    assert 'albumentations:serialized("sometimes.yaml", seed=0)' in done.err
    assert program("register", 'albumentations:serialized("sometimes.yaml", seed=0)').code == 0


CANNOT_LOAD = {
    "does not import": ("import no_such_package", "No module named 'no_such_package'"),
    "has no hook": ("x = 1", "implements no hook"),
    "wrong signature": (GOOD.replace("(register)", "(registrar)"), "registrar"),
    "wrong hook": (GOOD.replace("augalg_register", "augalg_registre"), "did you mean augalg_register?"),
    "takes a name": (GOOD.replace('"negate"', '"dihedral.flip_lr"'), "dihedral.flip_lr is already registered by"),
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
    write(tmp_path, "wave.py", source)
    done = program("register", "wave.py")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert not (tmp_path / "augalg.toml").exists()


@pytest.mark.parametrize("fault", BREAKS_A_PROMISE)
def test_what_breaks_a_promise_is_refused(program: Program, tmp_path: Path, fault: str) -> None:
    body, message = BREAKS_A_PROMISE[fault]
    source = GOOD.replace(', inverse="self", commutes_with=["flip_lr"]', "").replace("return 1 - x", body)
    write(tmp_path, "wave.py", source)
    (tmp_path / "augalg.toml").write_text("# mine\n")
    done = program("register", "wave.py")
    assert done.code == 1
    (refused, *_) = [line for line in done.out.splitlines() if line.startswith("refused: wave.negate: ")]
    assert message in refused
    assert (tmp_path / "augalg.toml").read_text() == "# mine\n"


def test_a_contradiction_is_refused_before_anything_is_recorded(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", GOOD.replace('inverse="self"', 'inverse="self", idempotent=True'))
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
    write(tmp_path / "site", "acme_plugin.py", GOOD)
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
    write(tmp_path, "wave.py", GOOD)
    (tmp_path / "augalg.toml").write_text(text)
    done = program(*command)
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert "augalg.toml" in done.err
    assert len(done.err.splitlines()) == 1
    assert (tmp_path / "augalg.toml").read_text() == text


def test_a_registration_of_a_later_contract_is_named(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", GOOD)
    assert program("register", "wave.py").code == 0
    file = tmp_path / "augalg.toml"
    file.write_text(file.read_text().replace("contract = 1", "contract = 9"))
    done = program("list")
    assert done.code == 0
    assert "registered against version 9 of the plugin contract" in done.err


def test_an_operator_is_fitted_in_a_run_and_grows_stale_with_its_file(program: Program, tmp_path: Path) -> None:
    file = write(tmp_path, "wave.py", GOOD)
    assert program("train", "run", "--dim", "4", "--width", "4", "--epochs", "1", "--json").code == 0
    before = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    missing = program("register", "wave.py", "--model", "nowhere")
    assert (missing.code, missing.out) == (2, "")
    assert "nowhere" in missing.err
    assert not (tmp_path / "augalg.toml").exists()
    dry = program("register", "wave.py", "--model", "run", "--dry-run")
    assert "negate^2 = id: " in dry.out
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    done = program("register", "wave.py", "--model", "run", "--json").data
    (operator,) = done["latent"]["operators"]
    assert {
        "residual",
        "identity_residual",
        "rank",
        "condition",
        "gap_ratio",
        "floor",
        "identity_ratio",
    } <= operator.keys()
    assert [item["equation"] for item in operator["laws"] if item["residual"] is not None]
    after = {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    assert [name for name in after if after[name] != before[name]] == ["operators.safetensors"]
    assert not program("register", "wave.py", "--model", "run", "--json").data["latent"]["operators"][0]["fitted"]
    assert {path.name: path.read_bytes() for path in (tmp_path / "run").iterdir()} == after
    file.write_text(GOOD + "# another\n")
    assert "stale: wave.negate" in program("operators", "run").out.replace("stale: negate", "stale: wave.negate")
    assert program("check", "run").code == 2


def test_unregistering_suggests_the_nearest_name(program: Program, tmp_path: Path) -> None:
    assert "nothing is registered here" in program("unregister", "wave").err
    write(tmp_path, "wave.py", GOOD)
    assert program("register", "wave.py").code == 0
    done = program("unregister", "wvae")
    assert done.code == 2
    assert "did you mean wave?" in done.err


def test_a_file_that_cannot_be_written_is_left_alone(program: Program, tmp_path: Path) -> None:
    write(tmp_path, "wave.py", GOOD)
    (tmp_path / "augalg.toml").mkdir()
    done = program("register", "wave.py")
    assert done.code == 2
    assert "cannot read" in done.err


def test_output_is_pure_json_in_a_process_of_its_own(augalg: Callable[..., Any], tmp_path: Path) -> None:
    write(tmp_path, "wave.py", "print('loading')\n" + GOOD.replace("return", "print('applied'); return"))
    done = augalg("register", "wave.py", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["registered"]
    again = augalg("compose", "negate * negate", "--json")
    assert json.loads(again.stdout)["normal_form"] == "id"
