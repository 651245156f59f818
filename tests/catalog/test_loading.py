"""Plugins are loaded one by one, and what fails harms nothing else."""

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import augalgebra as aa
from augalgebra.catalog.digest import files_digest
from augalgebra.catalog.registration import Registration
from augalgebra.errors import (
    AmbiguousNameError,
    AugalgebraError,
    NotInvertibleError,
    ParameterError,
    UnknownNameError,
)

GOOD = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("good.negate", inverse="self")
    def negate(x):
        return 1 - x
"""


def module(name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    exec(textwrap.dedent(source), made.__dict__)
    return made


def folder_catalog(folder: Path, files: dict[str, str], disable: frozenset[str] = frozenset()) -> aa.Catalog:
    for name, source in files.items():
        (folder / f"{name}.py").write_text(textwrap.dedent(source))
    return aa.load_catalog(aa.Settings((folder,), disable), installed=False)


def info_of(catalog: aa.Catalog, name: str) -> aa.PluginInfo:
    return next(info for info in catalog.plugins if info.name == name)


BROKEN = {
    "raises_at_import": ("raise RuntimeError('no such device')", "RuntimeError: no such device"),
    "exits_at_import": ("import sys; sys.exit(3)", "SystemExit: 3"),
    "bad_syntax": ("def f(:", "SyntaxError in line 1"),
    "misses_a_package": ("import no_such_package_here", "ModuleNotFoundError"),
    "no_hook": ("x = 1", "implements no hook"),
    "unmarked": ("def augalg_register(register): ...", "augalg_register is not marked"),
    "misspelt_hook": (
        "import augalgebra as aa\n@aa.hookimpl\ndef augalg_registre(register): ...",
        "there is no hook augalg_registre; did you mean augalg_register?",
    ),
    "wrong_signature": (
        "import augalgebra as aa\n@aa.hookimpl\ndef augalg_register(registrar): ...",
        "registrar",
    ),
    "misspelt_keyword": (
        GOOD.replace('"good.negate", inverse="self"', '"other.negate", invers="self"'),
        "has no keyword 'invers'; did you mean 'inverse'?",
    ),
    "bad_law": (GOOD.replace('"good.negate", inverse="self"', '"other.negate", laws=["a * = b"]'), "unexpected '='"),
    "bad_period": (GOOD.replace('"good.negate", inverse="self"', '"other.negate", period=0'), "positive whole number"),
    "bad_shape": (GOOD.replace('"good.negate", inverse="self"', '"other.negate", shape="round"'), "shape must be"),
    "bad_name": (GOOD.replace('"good.negate", inverse="self"', '"other negate"'), "other negate"),
    "breaks_half_way": (
        GOOD.replace("good.negate", "other.negate") + "    raise ValueError('half-way')\n",
        "ValueError: half-way",
    ),
    "clashes": (GOOD, "good.negate is already registered by plugin a_good"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_plugin_is_reported_and_harms_nothing_else(tmp_path: Path, name: str) -> None:
    source, reason = BROKEN[name]
    catalog = folder_catalog(tmp_path, {"a_good": GOOD, name: source})
    assert info_of(catalog, name).status == "failed"
    assert reason in info_of(catalog, name).reason
    assert "\n" not in info_of(catalog, name).reason
    assert info_of(catalog, "a_good").status == "loaded"
    assert list(catalog.augmentations) == ["good.negate"]


def test_the_message_of_a_clash_names_both_origins(tmp_path: Path) -> None:
    catalog = folder_catalog(tmp_path, {"a_good": GOOD, "b_good": GOOD})
    reason = info_of(catalog, "b_good").reason
    assert str(tmp_path / "a_good.py") in reason
    assert str(tmp_path / "b_good.py") in reason


def test_two_plugins_of_one_name_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    for folder in ("one", "two"):
        (tmp_path / folder / "waves.py").write_text(GOOD.replace("good.", f"{folder}."))
    catalog = aa.load_catalog(aa.Settings((tmp_path / "one", tmp_path / "two")), installed=False)
    assert [info.status for info in catalog.plugins] == ["loaded", "failed"]
    assert "the name 'waves' is taken by" in catalog.plugins[1].reason
    assert list(catalog.augmentations) == ["one.negate"]


def test_the_version_of_a_plugin_file_is_its_content(tmp_path: Path) -> None:
    def version(body: str) -> str:
        return info_of(folder_catalog(tmp_path, {"a_good": body}), "a_good").version

    first = version(GOOD)
    assert re.fullmatch("[0-9a-f]{12}", first)
    assert version(GOOD.replace("1 - x", "x.flip(-2)")) != first
    assert version(GOOD) == first


def test_the_version_of_a_registered_folder_is_that_of_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "good.py").write_text(GOOD)
    (tmp_path / "mine" / "_helper.py").write_text("")
    item = Registration("good", "mine", "folder", ("good",))
    catalog = aa.load_catalog(aa.Settings(registered=(item,), workspace=tmp_path), installed=False)
    assert info_of(catalog, "good").version == files_digest(sorted((tmp_path / "mine").iterdir()))


def test_a_disabled_plugin_is_not_imported(tmp_path: Path) -> None:
    catalog = folder_catalog(tmp_path, {"trap": "raise SystemExit('imported although disabled')"}, frozenset({"trap"}))
    assert info_of(catalog, "trap").status == "disabled"


def test_settings_come_from_the_environment_and_the_workspace(tmp_path: Path) -> None:
    (tmp_path / "augalg.toml").write_text('[plugins]\nfolders = ["mine"]\ndisable = ["noise"]\n')
    settings = aa.Settings.read(tmp_path, {"AUGALG_PLUGINS": f"a{os.pathsep}b", "AUGALG_DISABLE": "x, y"})
    assert settings.folders == (tmp_path / "mine", Path("a"), Path("b"))
    assert settings.disable == {"noise", "x", "y"}


@pytest.mark.parametrize("text", ["[plugins", "plugins = 3", "[plugins]\nfolders = 'one'", "[plugins]\ndisable = [1]"])
def test_a_nonsense_workspace_file_gets_one_clear_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "augalg.toml").write_text(text)
    with pytest.raises(AugalgebraError, match=r"augalg\.toml") as caught:
        aa.Settings.read(tmp_path, {})
    assert "\n" not in str(caught.value)


def test_a_missing_folder_is_reported_not_fatal(tmp_path: Path) -> None:
    catalog = aa.load_catalog(aa.Settings((tmp_path / "nowhere",)), installed=False)
    assert [(info.status, "no such plugin folder" in info.reason) for info in catalog.plugins] == [("failed", True)]


def test_loading_order_does_not_depend_on_the_file_system(tmp_path: Path) -> None:
    files = {name: GOOD.replace("good.", f"{name}.") for name in ("zeta", "alpha", "mid")}
    catalog = folder_catalog(tmp_path, files)
    assert [info.name for info in catalog.plugins] == ["alpha", "mid", "zeta"]


def test_a_printing_plugin_does_not_reach_standard_output(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder_catalog(tmp_path, {"loud": "print('hello')\n" + GOOD})
    assert capsys.readouterr().out == ""


def test_all_first_party_plugins_load_without_a_tensor_library() -> None:
    code = (
        "import sys, augalgebra as aa; c = aa.load_catalog(aa.Settings())\n"
        "bad = [i for i in c.plugins if i.distribution == 'augalgebra' and i.status != 'loaded']\n"
        "heavy = {'torch', 'albumentations', 'sklearn', 'matplotlib', 'cv2', 'scipy'} & set(sys.modules)\n"
        "sys.exit(f'{bad} {c.dangling} {heavy}' if bad or c.dangling or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


FAMILIES = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
    @register("fam.turn", additive="degrees", params=[aa.Param("degrees", low=-180, high=180)])
    def turn(x, degrees):
        return x

    @register("fam.lean", inverse="fam.lean(-degrees)", params=[aa.Param("degrees", draw=aa.uniform(-50, -45))])
    def lean(x, degrees):
        return (x + degrees / 100).clamp(0, 1)

    @register("fam.level", idempotent=True)
    def level(x, bits: int = 4):
        return x
"""


@pytest.fixture(scope="module")
def families() -> aa.Catalog:
    return aa.load_catalog(aa.Settings(), modules=[module("fam", FAMILIES)], installed=False)


def test_words_get_full_names_and_every_parameter(families: aa.Catalog) -> None:
    assert str(families.word("turn(30) * level")) == "fam.turn(30) * fam.level(4)"
    assert str(families.word("level(bits=2)")) == "fam.level(2)"
    assert families.display(families.word("fam.turn(30) * level(4) * lean")) == "turn(30) * level * lean"
    assert families.display(families.word("lean(-degrees)")) == "lean(-degrees)"


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("turn", r"turn needs degrees; write for example turn\(0\)"),
        ("turn(200)", r"degrees must lie in \[-180, 180\], not 200"),
        ("turn('x')", "degrees must be a number"),
        ("turn(1, 2)", "turn takes 1 parameter, not 2"),
        ("turn(degree=3)", "did you mean degrees"),
        ("level(2.5)", "whole number"),
        ("turn(other)", "'other' is not a number"),
    ],
)
def test_bad_parameters_get_one_clear_line(families: aa.Catalog, word: str, message: str) -> None:
    with pytest.raises(ParameterError, match=message) as caught:
        families.word(word)
    assert "\n" not in str(caught.value)


def test_an_unknown_name_suggests_the_nearest(families: aa.Catalog) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown augmentation 'tern'.*did you mean fam\.turn"):
        families.word("tern(3)")


def test_a_shared_short_name_asks_for_the_full_one() -> None:
    first, second = module("one", GOOD.replace("good.", "one.")), module("two", GOOD.replace("good.", "two."))
    catalog = aa.load_catalog(aa.Settings(), modules=[first, second], installed=False)
    with pytest.raises(AmbiguousNameError, match=r"one\.negate or two\.negate"):
        catalog.word("negate")
    assert catalog.display(catalog.word("one.negate")) == "one.negate"


def test_a_plugin_that_takes_a_short_name_harms_no_law_of_others() -> None:
    before = aa.load_catalog(aa.Settings())
    after = aa.load_catalog(aa.Settings(), modules=[module("other", GOOD.replace("good.negate", "other.transpose"))])
    assert not after.dangling
    assert {str(law) for law in before.laws} < {str(law) for law in after.laws}
    assert after.equal("canny * dihedral.transpose", "dihedral.transpose * canny").equal is True


def test_an_inverse_that_an_augmentation_does_not_take_is_none() -> None:
    source = """
    import augalgebra as aa

    @aa.hookimpl
    def augalg_register(register):
        laws = ["fade(a) * fade(b) = fade(a * b)", "fade(1) = id"]

        @register("some.fade", params=[aa.Param("amount", low=0, high=1)], laws=laws)
        def fade(x, amount):
            return x * amount
    """
    catalog = aa.load_catalog(aa.Settings(), modules=[module("some", textwrap.dedent(source))], installed=False)
    found = catalog.inverse("fade(0.5)")
    assert (found.kind, found.word) == ("unknown", None)
    assert re.search(r"fade\(2\) undoes it, but .*amount must lie in \[0, 1\], not 2", found.reason)
    assert catalog.inverse("fade(1)").kind == "two-sided"
    for ask in (lambda: catalog.route("fade(0.5)", "id"), lambda: catalog.spelt_out("fade(0.5)^-1")):
        with pytest.raises(NotInvertibleError, match=r"must lie in \[0, 1\], not 2"):
            ask()


def test_where_an_augmentation_does_not_take_the_inverse_a_power_that_undoes_it_is_found() -> None:
    source = """
    import augalgebra as aa

    @aa.hookimpl
    def augalg_register(register):
        laws = ["turn(a) * turn(b) = turn(a + b)", "turn(0) = id", "turn(a + 4) = turn(a)"]

        @register("some.turn", params=[aa.Param("k", low=0, high=3, whole=True)], laws=laws)
        def turn(x, k):
            return x.rot90(k, (-2, -1))
    """
    catalog = aa.load_catalog(aa.Settings(), modules=[module("some", textwrap.dedent(source))], installed=False)
    found = catalog.inverse("turn(1)")
    assert found.kind == "two-sided"
    assert found.word in (catalog.word("turn(1)^3"), catalog.word("turn(3)"))
    assert catalog.equal(catalog.word("turn(1)") * found.word, "id").equal is True


def test_a_law_that_names_something_unknown_is_left_out_and_reported() -> None:
    plugin = module("good", GOOD.replace('inverse="self"', 'inverse="self", commutes_with=["nowhere.flip"]'))
    catalog = aa.load_catalog(aa.Settings(), modules=[plugin], installed=False)
    assert [catalog.display(law) for law in catalog.laws] == ["negate^2 = id"]
    assert [item.reason.split(";")[0] for item in catalog.dangling] == [
        "unknown augmentation 'nowhere.flip' ('augalg list' shows all)"
    ]


def test_draws_depend_on_seed_and_image_only(families: aa.Catalog) -> None:
    torch = pytest.importorskip("torch")
    images = torch.full((6, 1, 4, 4), 0.9)
    whole = families.apply("lean", images, seed=3)
    parts = [families.apply("lean", images[i : i + 1], seed=3, ids=[i]) for i in range(6)]
    assert torch.equal(whole, torch.cat(parts))
    assert whole.flatten(1).mean(1).unique().numel() == 6
    assert not torch.equal(whole, families.apply("lean", images, seed=4))


def test_a_random_augmentation_and_its_inverse_use_one_draw(families: aa.Catalog) -> None:
    torch = pytest.importorskip("torch")
    images = torch.full((5, 1, 4, 4), 0.8)
    back = families.apply("lean * lean^-1", images, seed=1)
    torch.testing.assert_close(back, images)
