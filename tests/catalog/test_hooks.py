"""Every hook and every keyword is documented, and does what it says in a plugin that uses them all."""

import textwrap
from pathlib import Path
from types import ModuleType

import pytest

import augalgebra as aa
from augalgebra.catalog.contributions import examples_of, export_pipeline, head_factory, read_pipeline
from augalgebra.catalog.declarations import KEYWORDS
from augalgebra.catalog.lint.reference_pages import hooks_page
from augalgebra.catalog.lint.tracing import trace
from augalgebra.catalog.loading import HOOKS
from augalgebra.errors import AugalgebraError, PluginError, UnknownNameError

EVERYTHING = """
import augalgebra as aa

AUGALG_CONTRACT = 1

@aa.hookimpl
def augalg_register(register):
    @register("every.flip", inverse="self")
    def flip(x):
        return x

@aa.hookimpl
def augalg_laws():
    return ["every.flip^6 = id"]

@aa.hookimpl
def augalg_resolve(name):
    if name == "every.late":
        return aa.Augmentation(name, lambda x: x)

@aa.hookimpl
def augalg_target(target, name):
    if target == "late(2)":
        return aa.Augmentation(name, lambda x: x)

@aa.hookimpl
def augalg_probes():
    return {"every.grey": lambda channels, height, width: None}

@aa.hookimpl
def augalg_commands(app):
    @app.command()
    def hello():
        print("hello")

@aa.hookimpl
def augalg_heads():
    return {"every.linear": lambda image_shape, dim: None}

@aa.hookimpl
def augalg_pipeline(source):
    return [aa.PipelineStep(source, aa.word_of("every.flip"))] if source == "every:flip" else None

@aa.hookimpl
def augalg_export(pipeline, file):
    return f"{pipeline} as every" if file == "every.txt" else None

@aa.hookimpl
def augalg_examples():
    return ["every.late"]
"""


def module(name: str, source: str) -> ModuleType:
    made = ModuleType(name)
    exec(textwrap.dedent(source), made.__dict__)
    return made


def catalog_of(*modules: ModuleType) -> aa.Catalog:
    return aa.load_catalog(aa.Settings(), modules=modules, installed=False)


@pytest.fixture(scope="module")
def every() -> aa.Catalog:
    return catalog_of(module("every", EVERYTHING))


def made_by(catalog: aa.Catalog, target: str) -> list[str | None]:
    """Names of what the hook builds from something unknown, and from a target."""
    made = [catalog.ask("every", "augalg_target", target=text, name="mine.late") for text in ("?", target)]
    return [next((item.name for item in answers), None) for answers in made]


EFFECTS = {
    "augalg_register": lambda catalog: list(catalog.augmentations)[:1] == ["every.flip"],
    "augalg_laws": lambda catalog: "flip^6 = id" in [catalog.display(law) for law in catalog.laws],
    "augalg_resolve": lambda catalog: str(catalog.word("every.late")) == "every.late",
    "augalg_target": lambda catalog: made_by(catalog, "late(2)") == [None, "mine.late"],
    "augalg_probes": lambda catalog: list(catalog.ask("every", "augalg_probes")[0]) == ["every.grey"],
    "augalg_commands": lambda catalog: "augalg_commands" in catalog.plugins[0].hooks,  # run in cli/laws/test_lint.py
    "augalg_heads": lambda catalog: head_factory(catalog, "every.linear")((1, 2, 2), 3) is None,
    "augalg_pipeline": lambda catalog: (
        [step.name for step in read_pipeline(catalog, "every:flip") or ()] == ["every:flip"]
        and read_pipeline(catalog, "?") is None
    ),
    "augalg_export": lambda catalog: export_pipeline(catalog, "flip", "every.txt") == "flip as every",
    "augalg_examples": lambda catalog: examples_of(catalog, "every") == ("every.late",),
}


def test_every_hook_has_a_test() -> None:
    assert set(HOOKS) == EFFECTS.keys()


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_used(every: aa.Catalog, hook: str) -> None:
    assert hook in every.plugins[0].hooks
    assert EFFECTS[hook](every)


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_an_example_that_runs(hook: str) -> None:
    section = hooks_page().split(f"## `{hook}(")[1].split("\n## ")[0]
    example = section.split("```python\n")[1].split("```")[0]
    assert f"def {hook}(" in example
    space = {"aa": aa}
    exec(example, space)
    assert "failed" not in [info.status for info in catalog_of(_as_module(space)).plugins]


def _as_module(space: dict) -> ModuleType:
    made = ModuleType("acme")
    made.__dict__.update({key: item for key, item in space.items() if key.startswith("augalg_")})
    return made


DECLARED = {
    "inverse": ('inverse="self"', "f^2 = id"),
    "inverse_kind": ('inverse="g", inverse_kind="left"', "g * f = id"),
    "period": ("period=3", "f^3 = id"),
    "idempotent": ("idempotent=True", "f^2 = f"),
    "commutes_with": ('commutes_with=["g"]', "f * g = g * f"),
    "equals": ('equals="g^2"', "f = g^2"),
    "additive": ('additive="a"', "f(a_1) * f(a_2) = f(a_1 + a_2)"),
    "multiplicative": ('multiplicative="a"', "f(a_1) * f(a_2) = f(a_1 * a_2)"),
    "laws": ('laws=["f * g ≠ g * f"]', "f * g ≠ g * f"),
    "approximate": ("period=3, approximate=0.1", "f^3 ≈ id"),
    "only_for": ('period=3, only_for="square pictures"', "f^3 = id for square pictures"),
}
KEPT = {
    "params": ('params=[aa.Param("a", low=0, high=2)]', lambda f: f.params[0].high == 2),
    "shape": ('shape="transposed"', lambda f: f.shape == "transposed"),
    "tolerance": ("tolerance=0.01", lambda f: f.tolerance == 0.01),
    "probes": ('probes=["many.waves"]', lambda f: f.probes == ("many.waves",)),
}


def declared(keywords: str, arguments: str = "x") -> aa.Catalog:
    source = f"""
    import augalgebra as aa

    @aa.hookimpl
    def augalg_register(register):
        @register("many.f", {keywords})
        def f({arguments}):
            return x

        @register("many.g")
        def g(x):
            return x
    """
    return catalog_of(module("many", source))


def test_every_keyword_has_a_test() -> None:
    assert set(KEYWORDS) == DECLARED.keys() | KEPT.keys()


@pytest.mark.parametrize("keyword", DECLARED)
def test_every_keyword_about_laws_is_an_equation(keyword: str) -> None:
    keywords, equation = DECLARED[keyword]
    catalog = declared(keywords, "x, a" if "tive=" in keywords else "x")
    assert equation in [catalog.display(law) for law in catalog.laws]


@pytest.mark.parametrize("keyword", KEPT)
def test_every_other_keyword_is_kept(keyword: str) -> None:
    keywords, check = KEPT[keyword]
    assert check(declared(keywords, "x, a" if keyword == "params" else "x").augmentations["many.f"])


@pytest.mark.parametrize("keyword", KEYWORDS)
def test_every_keyword_is_documented(keyword: str) -> None:
    assert f"\n| `{keyword}` |" in hooks_page()


def test_what_is_left_out_is_not_false() -> None:
    assert [] == list(declared("").laws)
    assert [] == list(declared("idempotent=None").laws)
    refuted = declared("idempotent=False")
    assert ["f^2 ≠ f"] == [refuted.display(law) for law in refuted.laws]
    assert refuted.equal("f * f", "f").equal is not True


WRONG = {
    "idempotent='no'": "idempotent is True, False, or left out",
    "inverse=False": "inverse is a text",
    "equals=3": "equals is a text",
    "multiplicative=['a']": "multiplicative is a text",
    "commutes_with='g'": "commutes_with is a list",
    "commutes_with=False": "commutes_with is a list",
    "commutes_with=[3]": "3 cannot be among them",
    "params=['a']": "params is a list",
    "additive=3": "additive is a list",
    "inverse_kind='left'": "inverse_kind says nothing without inverse",
    "approximate='much'": "approximate is a positive number",
    "tolerance=-1": "tolerance is a positive number",
    "laws='f = g'": "laws is a list",
    "laws=['f != ']": "expected an augmentation's name",
}


@pytest.mark.parametrize("keywords", WRONG)
def test_a_keyword_with_an_impossible_value_gets_one_clear_line(keywords: str) -> None:
    (info,) = declared(keywords).plugins
    assert "failed" == info.status
    assert WRONG[keywords] in info.reason
    assert "\n" not in info.reason


SIGNATURES = {
    "def augalg_register(registrar): ...": "augalg_register takes register, not registrar; write def augalg_register(",
    "def augalg_register(): ...": "augalg_register takes register, not nothing",
    "def augalg_laws(catalog): ...": "augalg_laws takes nothing, not catalog",
    "def augalg_heads(shape, dim): ...": "augalg_heads takes nothing, not shape, dim",
    "def augalg_command(app): ...": "there is no hook augalg_command; did you mean augalg_commands?",
}


@pytest.mark.parametrize("definition", SIGNATURES)
def test_a_hook_with_other_arguments_is_told_the_right_ones(definition: str) -> None:
    source = f"import augalgebra as aa\n@aa.hookimpl\n{definition}\n"
    good, bad = catalog_of(module("every", EVERYTHING), module("bad", source)).plugins
    assert ("loaded", "failed") == (good.status, bad.status)
    assert SIGNATURES[definition] in bad.reason


@pytest.mark.parametrize(
    ("stated", "reason"),
    [
        ("2", "written for plugin contract 2, and augalgebra {} keeps contract 1; update augalgebra"),
        ("0", "written for plugin contract 0, and augalgebra {} keeps contract 1; update the plugin"),
        ("'1'", "AUGALG_CONTRACT is a whole number, such as 1, not '1'"),
    ],
)
def test_a_plugin_for_another_contract_says_what_to_update(stated: str, reason: str) -> None:
    other = module("later", EVERYTHING.replace("AUGALG_CONTRACT = 1", f"AUGALG_CONTRACT = {stated}"))
    good, bad = catalog_of(module("good", EVERYTHING.replace("every.", "good.")), other).plugins
    assert reason.format(aa.__version__) in bad.reason
    assert ("loaded", 1) == (good.status, good.contract)


def test_an_older_contract_that_is_still_kept_loads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("augalgebra.catalog.loading.CONTRACT_VERSION", 3)
    (info,) = catalog_of(module("every", EVERYTHING)).plugins
    assert ("loaded", 1) == (info.status, info.contract)


def test_two_distributions_that_claim_one_name_are_both_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in ("one", "two"):
        folder = tmp_path / number
        (folder / f"acme_{number}-1.{len(number)}.dist-info").mkdir(parents=True)
        (folder / f"acme_{number}.py").write_text(EVERYTHING.replace("every.", f"{number}."))
        info = folder / f"acme_{number}-1.{len(number)}.dist-info"
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{number}\nVersion: 1.{len(number)}\n")
        (info / "entry_points.txt").write_text(f"[augalgebra]\nwaves = acme_{number}\n")
        monkeypatch.syspath_prepend(folder)
    catalog = aa.load_catalog(aa.Settings())
    first, second = [info for info in catalog.plugins if info.name == "waves"]
    assert ("loaded", "failed") == (first.status, second.status)
    assert "acme-one 1.3" in second.reason
    assert "acme-two 1.3" in second.reason
    assert "dihedral.flip_lr" in catalog.augmentations


def test_a_hook_that_raises_is_named() -> None:
    source = EVERYTHING.replace('return {"every.linear"', 'raise ValueError("no\\nheads"); return {"every.linear"')
    catalog = catalog_of(module("every", source))
    with pytest.raises(PluginError, match=r"plugin every failed to answer augalg_heads: ValueError: no heads$"):
        catalog.ask("every", "augalg_heads")
    with pytest.raises(UnknownNameError, match=r"unknown decoder 'x'.*plugin every failed to answer augalg_heads"):
        head_factory(catalog, "x")


def test_a_decoder_is_found_by_name(every: aa.Catalog) -> None:
    with pytest.raises(UnknownNameError, match=r"unknown decoder 'every.liner'; did you mean every.linear\?"):
        head_factory(every, "every.liner")
    twin = module("twin", EVERYTHING.replace("every.flip", "twin.flip"))
    with pytest.raises(PluginError, match="offered by plugins every and twin; disable one"):
        head_factory(catalog_of(module("every", EVERYTHING), twin), "every.linear")
    odd = module("odd", "import augalgebra as aa\n@aa.hookimpl\ndef augalg_heads():\n    return ['linear']\n")
    with pytest.raises(AugalgebraError, match="augalg_heads returns functions by name"):
        head_factory(catalog_of(odd), "linear")


def test_a_trace_tells_who_answered_what(every: aa.Catalog) -> None:
    (found,) = trace(every, lambda plugin: [f"{plugin} hello"])
    given = {answer.hook: answer.given for answer in found.answers}
    assert given == {
        "augalg_register": ("every.flip",),
        "augalg_laws": ("flip^6 = id",),
        "augalg_resolve": (),
        "augalg_target": (),
        "augalg_probes": ("every.grey",),
        "augalg_commands": ("every hello",),
        "augalg_heads": ("every.linear",),
        "augalg_pipeline": (),
        "augalg_export": (),
        "augalg_examples": ("every.late",),
    }
    assert 0 < found.import_seconds <= found.seconds


def test_a_trace_isolates_what_fails_and_begins_with_the_slowest() -> None:
    slow = EVERYTHING.replace("every.", "slow.").replace("return {", "import time; time.sleep(0.03); return {")
    bad = EVERYTHING.replace("every.", "bad.").replace(
        'return {"bad.grey"', 'raise ValueError("no"); return {"bad.grey"'
    )
    catalog = catalog_of(module("bad", bad), module("slow", slow), module("broken", "x = 1"))
    found = trace(catalog, lambda plugin: [])
    assert "slow" == found[0].info.name
    problems = {item.info.name: [a.problem for a in item.answers if a.problem] for item in found}
    assert problems == {"slow": [], "bad": ["plugin bad failed to answer augalg_probes: ValueError: no"], "broken": []}
    assert found[0].to_dict()["seconds"] >= 0.05
