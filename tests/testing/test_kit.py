"""The conformance kit: every check catches the fault planted for it."""

import random
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
import torch

import augalgebra as aa
from augalgebra.catalog import load_target
from augalgebra.errors import AugalgebraError, UnknownNameError
from augalgebra.testing import ASPECTS, Report, Result, assert_conforms, cases, check_plugin, junit


def plugin(
    body: str, *, keywords: str = "", signature: str = "x", before: str = "", more: str = "", name: str = "acme"
) -> ModuleType:
    """A plugin with one augmentation ``acme.f`` whose function has this body."""
    made = ModuleType(name)
    source = (
        "import augalgebra as aa, torch, numpy, random, warnings\n"
        f"{before}\n"
        "@aa.hookimpl\n"
        "def augalg_register(register):\n"
        f"    @register('acme.f', {keywords})\n"
        f"    def f({signature}):\n{textwrap.indent(textwrap.dedent(body), ' ' * 8)}\n"
        f"{more}\n"
    )
    exec(source, made.__dict__)
    return made


def failed(report: Report) -> dict[str, Result]:
    return {result.aspect: result for result in report.results if result.verdict == "failed"}


PER_IMAGE = "dim=(1, 2, 3), keepdim=True"
FAULTS: dict[str, tuple[str, dict[str, str], str, str]] = {
    # name: body, how it is declared, the aspect that has to fail, what the report has to say
    "mutates its input": ("return x.mul_(0.5)", {}, "mutation", "before"),
    "returns float64": ("return x.double()", {}, "type", "torch.float64"),
    "returns float32 always": ("return x.float()", {}, "type", "torch.float64 on cpu"),
    "returns another shape": ("return x[..., 1:]", {}, "shape", "[2, 1, 8, 7]"),
    "transposes without saying so": ("return x.transpose(-1, -2).clone()", {}, "shape", "[2, 1, 11, 8]"),
    "keeps what it says it transposes": ("return x + 0", {"keywords": "shape='transposed'"}, "shape", "[2, 1, 8, 11]"),
    "drops the batch": ("return x[0]", {"keywords": "shape='changed'"}, "shape", "[2, 1, *, *]"),
    "loses an image": ("return x[1:]", {}, "shape", "[1, 1, 8, 8]"),
    "returns no tensor": ("return x.numpy()", {}, "returns", "ndarray"),
    "returns complex numbers": ("return x + 0j", {}, "returns", "complex64"),
    "returns nothing for one image": ("return x if len(x) != 1 else None", {}, "returns", "NoneType"),
    "returns nothing for two images": ("return x if len(x) != 2 else None", {}, "batching", "NoneType"),
    "returns nothing": ("x + 1", {}, "returns", "NoneType"),
    "NaN on black images": (f"return x / x.amax({PER_IMAGE})", {}, "range", "nan at row 0, column 0"),
    "leaves the range": ("return x * 1.5", {}, "range", "1.5 at row"),
    "random without saying so": (
        "return x * torch.rand(1, generator=G)",
        {"before": "G = torch.Generator()"},
        "determinism",
        "second call",
    ),
    "remembers its calls": (
        "CALLS.append(1); return x / len(CALLS)",
        {"before": "CALLS = []"},
        "determinism",
        "first call",
    ),
    "draws from torch": ("return x * torch.rand(1)", {}, "random-state", "of torch"),
    "draws from numpy": ("return x * numpy.random.rand()", {}, "random-state", "of numpy.random"),
    "draws from random": ("return x * random.random()", {}, "random-state", "of random"),
    "seeds torch": ("torch.manual_seed(0); return x * torch.rand(1)", {}, "random-state", "of torch"),
    "normalises over the batch": ("return x / x.amax().clamp(min=0.1)", {}, "batching", "in the batch"),
    "draws by place in the batch": (
        "return x * (torch.arange(len(x)).reshape(-1, 1, 1, 1) % 3 + 1) / 3",
        {},
        "batching",
        "alone",
    ),
    "fails on 3 channels": (
        "return x.reshape(len(x), *x.shape[2:])[:, None]",
        {},
        "channels",
        "of 8×8 pixels, 3 channels",
    ),
    "fails on odd sizes": (
        "return x.reshape(*x.shape[:2], x.shape[2] // 2, 2, -1).flatten(2, 3)",
        {},
        "sizes",
        "RuntimeError",
    ),
    "garbage on rectangles": (
        "return x.transpose(-1, -2).reshape(*x.shape[:2], x.shape[3], -1)",
        {},
        "sizes",
        "instead of",
    ),
    "raises on an empty batch": ("return x / x.amax(0).amax()", {}, "empty-batch", "IndexError"),
    "invents an image": ("return x if len(x) else x.new_zeros(1, *x.shape[1:])", {}, "empty-batch", "[1, 1, 8, 8]"),
    "needs contiguous images": ("return x.view(len(x), -1).view(x.shape)", {}, "layout", "reshape"),
    "reads memory": (
        "return torch.as_strided(x, x.shape, x.contiguous().stride()).clone()",
        {},
        "layout",
        "contiguous",
    ),
    "a false law": (
        "return x.rot90(1, (-2, -1))",
        {"keywords": "inverse='self', shape='transposed'"},
        "laws",
        "instead",
    ),
    "raises": ("raise KeyError('no such key')", {}, "returns", "KeyError: 'no such key'"),
    "an error of its own library": ("return x @ torch.ones(3, 3)", {}, "returns", "RuntimeError"),
    "an error by accident": ("return x * int('many')", {}, "returns", "ValueError: invalid literal"),
    "refuses everything": ("raise ValueError('not today')", {}, "returns", "not today"),
    "exits": ("raise SystemExit(3)", {}, "returns", "exit(3)"),
    "breaks at a parameter": (
        "return x[..., :int(k)].repeat(1, 1, 1, 8)[..., :x.shape[-1]] + 0 if k != 2 else None",
        {"signature": "x, k=2"},
        "returns",
        "NoneType",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_caught(fault: str) -> None:
    body, declared, aspect, text = FAULTS[fault]
    report = check_plugin(plugin(body, **declared))
    found = failed(report)
    assert aspect in found, f"caught by {list(found)} only"
    assert text in str(found[aspect])
    assert not report.conforms
    (failure,) = found[aspect].failures
    assert failure.case
    assert failure.again == f"assert_conforms(acme, names=['acme.f'], aspects=['{aspect}'])"


def test_what_one_fault_breaks_is_not_reported_for_others() -> None:
    """Faults of one kind only, so that the author is not led astray."""
    for fault, alone in {
        "mutates its input": {"mutation", "layout"},
        "returns float64": {"type"},
        "leaves the range": {"range"},
        "normalises over the batch": {"batching", "empty-batch"},
        "a false law": {"laws"},
    }.items():
        body, declared, *_ = FAULTS[fault]
        assert set(failed(check_plugin(plugin(body, **declared)))) == alone, fault


def test_a_counterexample_is_small_and_has_both_sides() -> None:
    report = check_plugin(plugin("return x / x.amax().clamp(min=0.1)"), aspects=["batching"])
    (failure,) = failed(report)["batching"].failures
    assert failure.promise == "a batch equals its items"
    assert failure.case.startswith("f on 2 images (dot, dim) of 8×8 pixels, 1 channel; image 1 (dim), row ")
    together, alone = (float(value) for _, value in failure.sides)
    assert alone / together == pytest.approx(2, rel=0.01)
    assert "never over the batch" in failure.hint


def test_a_false_law_is_reported_with_equation_sides_and_what_holds() -> None:
    body, declared, *_ = FAULTS["a false law"]
    (failure,) = failed(check_plugin(plugin(body, **declared)))["laws"].failures
    assert failure.promise == "f^2 = id"
    assert "on the probe dot, image 0 of 28×28 pixels; row" in failure.case
    assert [name for name, _ in failure.sides] == ["left side", "right side"]
    assert "f^4 = id" in failure.hint


def test_the_parameters_of_a_counterexample_are_named() -> None:
    broken = plugin("return x * 2 * a", signature="x, a", keywords="params=[aa.Param('a', low=0, high=1)]")
    (failure,) = failed(check_plugin(broken))["range"].failures
    assert failure.case.startswith("f(0.667) on 1 image (white)")


CLEAN: dict[str, tuple[str, dict[str, str]]] = {
    "square only": (
        "if x.shape[2] != x.shape[3]: raise ValueError('needs square images')\nreturn x.transpose(2, 3).clone()",
        {},
    ),
    "grey only": ("if x.shape[1] != 1: raise ValueError('needs grey images')\nreturn 1 - x", {}),
    "colour only": ("if x.shape[1] != 3: raise ValueError('needs colour images')\nreturn x.flip(1)", {}),
    "large only": ("if x.shape[2] < 20: raise ValueError('needs 20 rows')\nreturn 1 - x", {}),
    "random and says so": (
        "return (x * amount).clamp(0, 1)",
        {"signature": "x, amount", "keywords": "params=[aa.Param('amount', draw=aa.uniform(0, 1))]"},
    ),
    "a text with a default": ("return x if mode == 'none' else 1 - x", {"signature": "x, mode: str = 'flip'"}),
    "refuses parameters nobody gave a range": (
        "if k % 2 == 0: raise ValueError('k must be odd')\nreturn x + 0",
        {"signature": "x, k: int"},
    ),
    "changes the size": ("return x[..., ::2]", {"keywords": "shape='changed'"}),
    "returns its input": ("return x", {"keywords": "equals='id'"}),
    "a true law": ("return 1 - x", {"keywords": "inverse='self', commutes_with=['flip_lr']"}),
}


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_fine_passes(name: str) -> None:
    body, declared = CLEAN[name]
    report = check_plugin(plugin(body, **declared))
    assert report.conforms, str(report)
    assert report.count("passed") >= len(ASPECTS) - 2


def test_what_is_refused_is_noted() -> None:
    report = check_plugin(plugin(*[CLEAN["grey only"][0]]), aspects=["channels"])
    (result,) = report.results
    assert (result.verdict, result.note) == ("passed", "f refuses 8×8 pixels, 3 channels: needs grey images")


def test_a_parameter_no_value_can_be_made_up_for_asks_for_a_word() -> None:
    needy = plugin("return x.flip(-1) if side == 'left' else x.flip(-2)", signature="x, side: str")
    report = check_plugin(needy)
    (_, unknown, *_) = report.results
    asked = 'no values can be made up for side; give a word, --word "f(...)"'
    assert (unknown.verdict, unknown.note) == ("not checked", asked)
    assert (report.conforms, report.untried) == (False, {"acme.f": asked})
    with pytest.raises(AssertionError, match="acme: not checked; 1 passed, 13 not checked") as error:
        assert_conforms(needy)
    assert str(error.value).splitlines()[-1] == f"acme.f was not tried: {asked}"
    assert check_plugin(needy, aspects=["laws"]).conforms  # which were not asked to try it
    given = check_plugin(needy, words=["f('left')"])
    assert given.count("passed") == len(ASPECTS) - 2
    assert given.conforms


def test_warnings_and_prints_of_a_plugin_stay_inside(capsys: pytest.CaptureFixture[str]) -> None:
    loud = plugin("print('hello'); warnings.warn('old style'); return 1 - x", keywords="inverse='self'")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check_plugin(loud)
    assert report.conforms
    assert report.results[1].note == "warned: UserWarning: old style"
    assert capsys.readouterr().out == ""


def test_global_random_states_are_left_as_they_were() -> None:
    def states() -> list[Any]:
        legacy = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - it is the one that must not change
        return [random.getstate(), legacy["key"].tolist(), legacy["pos"], torch.get_rng_state().tolist()]

    before = states()
    check_plugin(plugin("return x * torch.rand(1) * numpy.random.rand() * random.random()"))
    assert states() == before


def test_each_case_is_a_test_of_its_own() -> None:
    body, declared, *_ = FAULTS["returns float64"]
    found = {str(case): case for case in cases(plugin(body, **declared))}
    assert set(found) == {"acme-lint", *(f"acme.f-{aspect}" for aspect in ASPECTS if aspect not in ("probes", "lint"))}
    found["acme.f-batching"].check()
    with pytest.raises(AssertionError, match=r"acme\.f: type failed"):
        found["acme.f-type"].check()
    with pytest.raises(AssertionError, match="acme: does not conform; 12 passed, 1 failed, 1 not checked"):
        assert_conforms(plugin(body, **declared))


def test_names_and_aspects_choose() -> None:
    chosen = cases("dihedral", names=["flip_lr", "dihedral.transpose"], aspects=["laws", "shape"])
    assert [str(case) for case in chosen] == [
        "dihedral.flip_lr-shape",
        "dihedral.flip_lr-laws",
        "dihedral.transpose-shape",
        "dihedral.transpose-laws",
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"names": ["flip_rl"]}, "did you mean dihedral.flip_lr"),
        ({"aspects": ["batch"]}, "did you mean batching"),
        ({"words": ["flip_lr * flip_ud"]}, "is not one augmentation of dihedral"),
        ({"aspects": ["probes"]}, "nothing to check: dihedral has no probes"),
        ({"words": ["invert"]}, "is not one augmentation of dihedral"),
    ],
)
def test_what_cannot_be_chosen_gets_one_line(arguments: dict[str, list[str]], message: str) -> None:
    with pytest.raises(AugalgebraError) as caught:
        check_plugin("dihedral", **arguments)  # type: ignore[arg-type]
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_the_lint_calls_an_error_fails() -> None:
    contradictory = plugin("return 1 - x", keywords="inverse='self', idempotent=True")
    found = failed(check_plugin(contradictory, names=["acme"]))
    assert set(found) == {"lint"}
    (failure,) = found["lint"].failures
    assert failure.promise.startswith("AUG")
    assert "augalg explain AUG" in failure.hint


def test_laws_and_probes_of_the_plugin_itself_are_looked_at() -> None:
    more = """
@aa.hookimpl
def augalg_laws():
    return ["f * flip_lr = flip_ud * f"]
@aa.hookimpl
def augalg_probes():
    return {"acme.grey": lambda c, h, w: torch.full((1, c, h, w), 0.5), "acme.flat": lambda c, h, w: torch.zeros(h, w)}
"""
    report = check_plugin(plugin("return 1 - x", more=more), names=["acme"])
    found = {result.aspect: result for result in report.results}
    assert [failure.promise for failure in found["laws"].failures] == ["f * flip_lr = flip_ud * f"]
    assert "acme.flat asked for images" in found["probes"].failures[0].case
    assert "acme.grey is symmetric under flip_lr" in found["probes"].note


def test_a_law_that_cannot_be_checked_is_no_failure_but_noted() -> None:
    shy = plugin("if x.shape[2] > 20: raise ValueError('not this size')\nreturn 1 - x", keywords="inverse='self'")
    result = check_plugin(shy, aspects=["laws"]).results[0]
    assert result.verdict == "not checked"
    assert "not this size" in result.note


def test_sizes_that_a_law_was_not_checked_at_are_noted() -> None:
    shy = plugin("if x.shape[2] == 28: raise ValueError('not this size')\nreturn 1 - x", keywords="inverse='self'")
    result = check_plugin(shy, aspects=["laws"]).results[0]
    assert result.verdict == "passed"
    assert "not checked at 28×28 pixels" in result.note


def test_junit_can_be_read_back() -> None:
    body = "raise KeyError('\\x00 & <odd> \\ud800')"
    report = check_plugin(plugin(body))
    suite = ElementTree.fromstring(junit(report)).find("testsuite")
    assert suite is not None
    counts = [int(suite.attrib[name]) for name in ("tests", "failures", "skipped")]
    assert counts == [len(report.results), report.count("failed"), report.count("not checked")]
    failure = suite.find("testcase[@name='returns']/failure")
    assert failure is not None
    assert "& <odd>" in str(failure.text)
    junit(report).encode("utf-8")


def test_the_line_to_run_again_does(tmp_path: Path) -> None:
    """Word for word, in a process of its own."""
    file = tmp_path / "sunny day.py"
    file.write_text(
        "import augalgebra as aa\n@aa.hookimpl\ndef augalg_register(register):\n"
        "    @register('sunny.f')\n    def f(x):\n        return x * 2\n"
    )
    (failure,) = failed(check_plugin(str(file), aspects=["range"]))["range"].failures
    assert failure.again == f"augalg plugins check '{file}' --only range --name sunny.f"


def test_the_kit_takes_a_module_and_a_loaded_target() -> None:
    import augalg_noise

    expected = ["noise.sap_noise-type", "noise.tl_sap_noise-type"]
    for given in (augalg_noise, load_target("noise")):
        assert [str(case) for case in cases(given, aspects=["type"])] == expected


def test_importing_the_kit_is_what_loads_tensors() -> None:
    code = "import sys, augalgebra; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_plugin_is_named() -> None:
    with pytest.raises(UnknownNameError, match="did you mean dihedral"):
        check_plugin("dihedrl")
    assert aa.load_catalog(aa.Settings()).resolve("flip_lr").plugin == "dihedral"
