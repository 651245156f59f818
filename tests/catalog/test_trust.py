"""A plugin speaks for its own augmentations; what it says of others' decides nothing before it was checked."""

import pickle
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

import pytest

import augalgebra as aa
from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import IDENTITY, word_of
from augalgebra.catalog import Judgement, laws_digest
from augalgebra.catalog.digest import files_digest
from augalgebra.catalog.registration import RegisteredAugmentation, Registration
from augalgebra.errors import UnknownNameError

BASE = {"base.flip": "inverse='self'", "base.turn": "period=4"}


def module(name: str, augmentations: dict[str, str] | None = None, laws: Iterable[object] = ()) -> ModuleType:
    lines = ["import augalgebra as aa", "@aa.hookimpl", "def augalg_register(register):", "    pass"]
    for full, keywords in (augmentations or {}).items():
        lines += [f"    @register({full!r}, {keywords})", "    def f(x):", "        return x.flip(-1)"]
    made = ModuleType(name)
    exec("\n".join(lines), made.__dict__)

    @aa.hookimpl
    def augalg_laws() -> Iterable[object]:
        return laws

    made.augalg_laws = augalg_laws  # type: ignore[attr-defined]
    return made


class ImageQuality:
    """Decides by a list of what holds, and remembers what it was asked."""

    def __init__(self, *true: str) -> None:
        self.true, self.asked = set(true), list[str]()

    def __call__(self, law: Law) -> Judgement:
        self.asked.append(str(law))
        return Judgement("holds") if str(law) in self.true else Judgement("violated", "a picture shows it")


def catalog_of(*modules: ModuleType, judge: ImageQuality | None = None) -> aa.Catalog:
    catalog = aa.load_catalog(aa.Settings(), modules=[module("base", BASE), *modules], installed=False)
    catalog.trust.judge = judge
    return catalog


def test_a_law_about_others_decides_nothing_unchecked() -> None:
    catalog = catalog_of(module("cheat", laws=["base.flip = id"]))
    assert catalog.equal("flip", "id").equal is False
    assert [(str(item.law), item.law.plugin, item.violated) for item in catalog.left_out("flip")] == [
        ("base.flip = id", "cheat", False)
    ]
    assert [law.status for law in catalog.laws] == ["declared", "declared", "unchecked"]


def test_a_law_that_is_violated_is_told_and_never_used() -> None:
    judge = ImageQuality()
    catalog = catalog_of(module("cheat", laws=["base.flip = id"]), judge=judge)
    assert catalog.equal("flip", "id").equal is False
    (left_out,) = catalog.left_out("flip")
    assert (left_out.violated, left_out.reason) == (True, "it is violated on images: a picture shows it")
    assert catalog.laws[-1].status == "violated"
    catalog.assume("cheat")  # asked for by name, but known to be false
    assert catalog.equal("flip", "id").equal is False
    assert catalog.left_out("flip * turn")[0].violated
    assert judge.asked == ["base.flip = id"]  # once


def test_a_law_that_holds_is_used_and_the_proof_names_who_declared_it() -> None:
    law = "base.turn * base.flip = base.flip * base.turn^-1"
    catalog = catalog_of(module("friend", laws=[law]), judge=ImageQuality(law))
    found = catalog.equal("turn * flip", "flip * turn^-1")
    assert found.equal
    assert found.proof is not None
    used = {law.plugin: law.status for law in found.proof.laws}
    assert used["friend"] == "checked"
    assert catalog.left_out("turn", "flip") == ()


def test_a_law_is_checked_only_where_it_bears_on_a_question() -> None:
    judge = ImageQuality()
    catalog = catalog_of(module("friend", laws=["base.turn * base.flip = base.flip * base.turn"]), judge=judge)
    assert catalog.equal("turn^4", "id").equal
    assert judge.asked == []
    catalog.equal("turn * flip", "flip * turn")
    assert len(judge.asked) == 1


def test_what_is_asked_for_by_name_is_used() -> None:
    catalog = catalog_of(module("cheat", laws=["base.flip = id"]))
    catalog.assume("cheat")
    found = catalog.equal("flip", "id")
    assert found.equal
    assert found.proof is not None
    assert [(law.plugin, law.status) for law in found.proof.laws] == [("cheat", "assumed")]
    with pytest.raises(UnknownNameError, match="did you mean cheat"):
        catalog.assume("cheet")


@pytest.mark.parametrize(
    "forged",
    [
        Law(word_of("base.flip"), IDENTITY, owner="base.flip"),
        Law(word_of("base.flip"), IDENTITY, status="checked"),
        Law(word_of("base.flip"), IDENTITY, status="assumed", plugin="base", owner="base"),
    ],
    ids=["owner", "status", "plugin"],
)
def test_whoever_declares_a_law_is_its_owner_whatever_it_says(forged: Law) -> None:
    catalog = catalog_of(module("cheat", laws=[forged]))
    assert catalog.equal("flip", "id").equal is False
    law = catalog.laws[-1]
    assert (law.owner, law.plugin, law.status) == ("cheat", "cheat", "unchecked")


def test_what_it_says_of_its_own_counts_and_is_told_to_be_unchecked() -> None:
    catalog = catalog_of(module("own", {"own.mirror": "inverse='self'"}))
    found = catalog.equal("mirror * mirror", "id")
    assert found.equal
    assert found.proof is not None
    assert [(law.plugin, law.status) for law in found.proof.laws] == [("own", "declared")]


def test_false_laws_of_its_own_say_nothing_of_others_by_way_of_true_ones() -> None:
    linking = "base.flip = own.a", "base.turn = own.b"
    own = module("own", {"own.a": "equals='own.b'", "own.b": ""}, linking)
    judge = ImageQuality(*linking)
    catalog = catalog_of(own, judge=judge)
    assert catalog.equal("flip", "turn").equal is False
    assert "own.a = own.b" in judge.asked
    assert [str(item.law) for item in catalog.left_out("flip", "turn")] == ["own.a = own.b"]


def test_a_question_that_comes_up_while_a_law_is_checked_is_answered_without_it() -> None:
    asked: list[bool | None] = []
    catalog = catalog_of(module("cheat", laws=["base.flip = id"]))

    def judge(_: Law) -> Judgement:
        asked.append(catalog.equal("flip", "id").equal)
        return Judgement("holds")

    catalog.trust.judge = judge
    assert catalog.equal("flip", "id").equal
    assert asked == [False]


FRIEND = """
import augalgebra as aa

@aa.hookimpl
def augalg_laws():
    return ["base.flip * base.turn = base.turn^-1 * base.flip"]
"""


def test_a_verdict_is_remembered_until_a_plugin_in_the_law_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    source = "import augalgebra as aa\n@aa.hookimpl\ndef augalg_register(register):\n" + "".join(
        f"    @register({name!r}, {keywords})\n    def f(x):\n        return x.flip(-1)\n"
        for name, keywords in BASE.items()
    )
    plugins = tmp_path / "plugins"
    plugins.mkdir()
    (plugins / "base.py").write_text(source)
    (plugins / "friend.py").write_text(FRIEND)

    def ask(*, holds: bool = True) -> tuple[bool | None, int]:
        catalog = aa.load_catalog(aa.Settings((plugins,)), installed=False)
        law = "base.flip * base.turn = base.turn^-1 * base.flip"
        judge = catalog.trust.judge = ImageQuality(*([law] if holds else []))
        return catalog.equal("flip * turn", "turn^-1 * flip").equal, len(judge.asked)

    assert ask() == (True, 1)
    assert ask(holds=False) == (True, 0)
    (plugins / "base.py").write_text(source.replace("flip(-1)", "flip(-2)"))
    assert ask(holds=False) == (False, 1)
    assert ask() == (False, 0)
    (plugins / "friend.py").write_text(f"# more\n{FRIEND}")
    assert ask() == (True, 1)
    for file in (tmp_path / "cache" / "augalgebra" / "laws").iterdir():
        file.write_text('{"verdict": "holds", ')
    assert ask(holds=False) == (False, 1)


def test_a_law_that_was_learned_goes_with_the_catalog_into_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cheat.py").write_text(
        FRIEND.replace("base.flip * base.turn = base.turn^-1 * base.flip", "invert = id")
    )
    catalog = aa.load_catalog(aa.Settings((tmp_path / "cheat.py",)), installed=["augalgebra"])
    catalog.trust.judge = ImageQuality()
    assert catalog.equal("invert", "id").equal is False
    (law,) = [law for law in catalog.laws if law.plugin == "cheat"]
    assert law.status == "violated"
    assert pickle.loads(pickle.dumps(catalog)).laws == catalog.laws


def test_what_the_workspace_file_of_a_stranger_accepts_is_checked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    file = tmp_path / "mine.py"
    file.write_text(
        "import augalgebra as aa\n@aa.hookimpl\ndef augalg_register(register):\n"
        "    @register('mine.mirror', inverse='self')\n    def mirror(x):\n        return x.flip(-1)\n"
    )

    def load(laws: str, judge: ImageQuality) -> aa.Catalog:
        known = RegisteredAugmentation("mine.mirror", laws=laws)
        version, accepted = files_digest([file]), ("mine.mirror = id",)
        item = Registration("mine", "mine.py", "file", ("mine",), "", version, 1, "", accepted, (), (known,))
        catalog = aa.load_catalog(aa.Settings(registered=(item,), workspace=tmp_path), installed=False)
        catalog.trust.judge = judge
        return catalog

    digest = laws_digest(load("", ImageQuality()), "mine.mirror")
    judge = ImageQuality()
    catalog = load(digest, judge)
    assert [info.changed for info in catalog.plugins] == [""]  # it says of itself that all is as it was checked
    assert catalog.equal("mirror", "id").equal is False
    assert judge.asked == ["mine.mirror = id"]
    # who registers it has its laws checked
    (law,) = [law for law in catalog.laws if str(law) == "mine.mirror = id"]
    catalog.trust.remember(law, Judgement("holds"))
    judge = ImageQuality()
    assert load(digest, judge).equal("mirror", "id").equal
    assert judge.asked == []
    file.write_text(file.read_text() + "# more\n")
    assert load(digest, judge).equal("mirror", "id").equal is False
    assert judge.asked == ["mine.mirror = id"]
