"""Every code of the lint is found where it was planted, and nowhere else."""

import re
import textwrap
from pathlib import Path
from random import uniform

import pytest

import augalgebra as aa
from augalgebra.catalog.lint.codes import CODES, code_of
from augalgebra.catalog.lint.source_code import heavy_imports, random_calls, written_inputs
from augalgebra.errors import UnknownNameError

HEAD = """
import augalgebra as aa

@aa.hookimpl
def augalg_register(register):
"""
FLIP = """
    @register("acme.flip", inverse="self")
    def flip(x):
        '''Turn it round.'''
        return x
"""


def lint(folder: Path, body: str, *, rest: str = "", head: str = HEAD) -> list[aa.Finding]:
    """The findings about a plugin `acme` whose register function has this body."""
    source = head + textwrap.indent(textwrap.dedent(body), "    ") + textwrap.dedent(rest)
    (folder / "acme.py").write_text(source)
    catalog = aa.load_catalog(aa.Settings((folder,)), installed=False)
    return list(aa.lint(catalog, ["acme"]))


def augmentation(name: str, keywords: str = "", arguments: str = "x", body: str = "return x") -> str:
    return f"""
@register("{name}"{", " + keywords if keywords else ""})
def {name.rsplit(".", 1)[-1]}({arguments}):
    '''What it does.'''
    {body}
"""


PLANTED: dict[str, list[tuple[str, str, str]]] = {
    "AUG001": [("raise RuntimeError('no device')", "acme", "no device")],
    "AUG101": [
        (augmentation("acme.wave", "idempotent=True, inverse='self'"), "acme.wave", "wave^2 = wave"),
        (augmentation("acme.wave", "period=4, laws=['acme.wave^9 = id']"), "acme.wave", "wave^9 = id"),
        (
            augmentation("acme.wave", "idempotent=True, inverse='acme.back'") + augmentation("acme.back"),
            "acme.wave",
            "does nothing",
        ),
    ],
    "AUG102": [
        (augmentation("acme.turn", "period=4, inverse='self'"), "acme.turn", "period 4, but its period is 2"),
        (augmentation("acme.turn", "period=4, laws=['acme.turn^6 = id']"), "acme.turn", "its period is 2"),
    ],
    "AUG103": [
        (augmentation("acme.edges", "inverse='none', period=2"), "acme.edges", "edges^2 = id"),
        (
            augmentation("acme.edges", "inverse='none'") + augmentation("acme.back", "inverse='acme.edges'"),
            "acme.edges",
            "edges * back = id",
        ),
    ],
    "AUG104": [
        (
            augmentation("acme.left", "inverse='acme.right'")
            + augmentation("acme.right", "inverse='acme.up'")
            + augmentation("acme.up"),
            "acme.left",
            "left calls right its inverse, but right calls up its own",
        ),
        (
            augmentation("acme.left", "inverse='acme.right'") + augmentation("acme.right", "inverse='self'"),
            "acme.left",
            "right calls itself its own",
        ),
    ],
    "AUG105": [
        (
            augmentation("acme.a", "inverse='acme.c'")
            + augmentation("acme.b", "inverse='acme.c'")
            + augmentation("acme.c"),
            "acme.a",
            "equals b",
        )
    ],
    "AUG106": [
        (
            augmentation("acme.fill", "idempotent=False, laws=['acme.fill * acme.fill = acme.fill']"),
            "fill^2 ≠ fill",
            "both sides are equal",
        )
    ],
    "AUG107": [
        (augmentation("acme.flip", "inverse='self', laws=['acme.flip^4 = id']"), "acme.flip", "from flip^2 = id")
    ],
    "AUG108": [
        (augmentation("acme.flip", "commutes_with=['acme.flip']"), "flip^2 = flip^2", "commuting with itself"),
        (augmentation("acme.flip", "laws=['acme.flip = acme.flip']"), "flip = flip", "the same word"),
    ],
    "AUG201": [
        (
            augmentation("acme.flip", "commutes_with=['flop']") + augmentation("acme.flap"),
            "acme.flip * flop = flop * acme.flip",
            "did you mean",
        )
    ],
    "AUG202": [(augmentation("acme.flip", "laws=['acme.flip(3) = id']"), "acme.flip(3) = id", "no parameters")],
    "AUG203": [(augmentation("flip"), "acme.flip", "registered as 'flip'")],
    "AUG206": [
        (
            augmentation("acme.flip", "commutes_with=['other.flip']"),
            "acme.flip * other.flip = other.flip * acme.flip",
            "unknown augmentation",
        )
    ],
    "AUG301": [
        (
            augmentation("acme.noise", body="import torch; return x + torch.randn_like(x)"),
            "acme.noise",
            "torch.randn_like(x)",
        )
    ],
    "AUG302": [(augmentation("acme.fade", arguments="x, amount=0.5"), "acme.fade", "amount has no range")],
    "AUG303": [
        (
            augmentation("acme.fade", "params=[aa.Param('amount', low=0, high=1)]", "x, amount=2"),
            "acme.fade",
            "the default 2 is outside [0, 1]",
        ),
        (
            augmentation("acme.fade", "params=[aa.Param('a', low=0, high=1, draw=aa.uniform(0.5, 2))]", "x, a"),
            "acme.fade",
            "draws values outside",
        ),
        (augmentation("acme.fade", "params=[aa.Param('a', low=1, high=0)]", "x, a"), "acme.fade", "is empty"),
        (
            augmentation("acme.fade", "params=[aa.Param('a', draw=aa.log_uniform(0, 1))]", "x, a"),
            "acme.fade",
            "positive bounds",
        ),
        (
            augmentation("acme.fade", "params=[aa.Param('a', draw=aa.integers(3, 3))]", "x, a"),
            "acme.fade",
            "empty range",
        ),
        (
            augmentation("acme.fade", "params=[aa.Param('a', whole=True, low=0.5, high=0.7)]", "x, a"),
            "acme.fade",
            "no whole number lies in [0.5, 0.7]",
        ),
        (
            augmentation("acme.fade", "params=[aa.Param('a', whole=True, low=0, high=9)]", "x, a=2.5"),
            "acme.fade",
            "the default 2.5 is not a whole number",
        ),
        (
            augmentation("acme.fade", "params=[aa.Param('a', draw=aa.uniform(0, 9))]", "x, a: int"),
            "acme.fade",
            "draws values that are not whole numbers",
        ),
        (
            augmentation("acme.fade", "params=[aa.Param('a', whole=True, draw=aa.choice(1, 1.5))]", "x, a"),
            "acme.fade",
            "draws values that are not whole numbers",
        ),
    ],
    "AUG304": [(augmentation("acme.negate", body="x *= -1; return x + 1"), "acme.negate", "x *= -1")],
    "AUG401": [(augmentation("acme.flip"), "acme.flip", "no law")],
}


@pytest.mark.parametrize(
    ("code", "body", "subject", "message"), [(code, *case) for code, cases in PLANTED.items() for case in cases]
)
def test_a_planted_fault_is_found(tmp_path: Path, code: str, body: str, subject: str, message: str) -> None:
    found = [item for item in lint(tmp_path, body) if item.code == code]
    assert subject == found[0].subject
    assert len(found) == 1 or code == "AUG101"  # what is inverse to the identity is one too
    assert message in found[0].message
    assert "\n" not in found[0].message
    assert CODES[code].severity == found[0].severity
    assert found[0].hint


def test_heavy_imports_and_missing_docstrings_are_found(tmp_path: Path) -> None:
    head = "import torch\nfrom scipy import stats\n" + HEAD
    body = "@register('acme.flip', inverse='self')\ndef flip(x):\n    return x\n"
    found = [(item.code, item.message) for item in lint(tmp_path, body, head=head)]
    assert [
        ("AUG305", "imports torch at module level"),
        ("AUG305", "imports scipy at module level"),
        ("AUG402", "its function has no docstring"),
    ] == found


def test_names_that_others_have_are_found(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text(HEAD + FLIP.replace("acme.flip", "other.flip"))
    found = lint(tmp_path, augmentation("other.turn", "period=4") + augmentation("acme.flip", "inverse='self'"))
    assert [("AUG204", "other.turn"), ("AUG205", "acme.flip")] == [(item.code, item.subject) for item in found]


def test_every_code_is_planted_by_a_test() -> None:
    text = Path(__file__).read_text()
    assert [] == [code for code in CODES if code not in PLANTED and f'"{code}"' not in text]


CLEAN = {
    "a whole plugin": FLIP,
    "mutual inverses": augmentation("acme.cw", "period=4, inverse='acme.ccw'")
    + augmentation("acme.ccw", "inverse='acme.cw'"),
    "one-sided inverses": augmentation("acme.pad", "inverse='acme.crop', inverse_kind='right', shape='changed'")
    + augmentation("acme.crop", "inverse='none', shape='changed'"),
    "an alias": augmentation("acme.a", "inverse='self'") + augmentation("acme.b", "equals='acme.a'"),
    "nothing at all, said so": augmentation("acme.nothing", "equals='id'"),
    "not idempotent": augmentation("acme.blur", "idempotent=False, inverse='none'"),
    "any angle": augmentation("acme.turn", "additive='degrees'", "x, degrees"),
    "a family that is its own inverse": augmentation(
        "acme.lean", "inverse='acme.lean(-a)', params=[aa.Param('a', draw=aa.uniform(-5, 5))]", "x, a"
    ),
    "a seed": augmentation(
        "acme.noise",
        "inverse='none', params=[aa.Param('seed', draw=aa.integers(0, 9))]",
        "x, seed",
        "import torch; return torch.rand_like(x)",
    ),
    "a clone": augmentation("acme.hole", "idempotent=True", body="x = x.clone(); x[..., 0] = 0; return x"),
}


@pytest.mark.parametrize("name", CLEAN)
def test_what_is_right_is_left_alone(tmp_path: Path, name: str) -> None:
    assert [] == [str(item) for item in lint(tmp_path, CLEAN[name]) if item.code != "AUG107"]


def test_an_approximate_law_contradicts_nothing(tmp_path: Path) -> None:
    found = lint(tmp_path, augmentation("acme.wave", "idempotent=True, laws=['acme.wave^2 ≈ id']"))
    assert [] == [item for item in found if item.severity == "error"]


def test_first_party_plugins_have_no_errors_or_warnings() -> None:
    catalog = aa.load_catalog(aa.Settings())
    own = [info.name for info in catalog.plugins if info.distribution == "augalgebra"]
    assert len(own) >= 6
    assert [] == [str(item) for item in aa.lint(catalog, own, notes=False)]


def test_notes_are_left_out_if_nobody_asks() -> None:
    catalog = aa.load_catalog(aa.Settings())
    assert {"AUG107"} == {item.code for item in aa.lint(catalog, ["dihedral"])} - {"AUG205"}
    assert () == aa.lint(catalog, ["dihedral"], notes=False)


def test_who_speaks_of_others_is_to_blame(tmp_path: Path) -> None:
    (tmp_path / "acme.py").write_text(HEAD + FLIP)
    (tmp_path / "bad.py").write_text(
        "import augalgebra as aa\n@aa.hookimpl\ndef augalg_laws():\n    return ['acme.flip * acme.flip = acme.flip']\n"
    )
    catalog = aa.load_catalog(aa.Settings((tmp_path,)), installed=False)
    assert [] == [item for item in aa.lint(catalog, ["acme"]) if item.severity == "error"]
    errors = [item for item in aa.lint(catalog) if item.severity == "error"]
    assert [("AUG101", "acme.flip", "bad")] == [(item.code, item.subject, item.plugin) for item in errors]


def test_an_unknown_plugin_is_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown plugin 'dihedra'; did you mean dihedral\?"):
        aa.lint(aa.load_catalog(aa.Settings()), ["dihedra"])


def test_nothing_is_run_and_no_tensors_are_needed(tmp_path: Path) -> None:
    found = lint(tmp_path, augmentation("acme.trap", "inverse='self'", body="raise SystemExit('it was run')"))
    assert [] == found


def helper(x):  # type: ignore[no-untyped-def]
    import numpy.random as draws

    return x + draws.normal(size=x.shape)  # noqa: NPY002 - the fault that is to be found


def shaken(x):  # type: ignore[no-untyped-def]
    return x * uniform(0, 1)


def seeded(x):  # type: ignore[no-untyped-def]
    import numpy as np

    return x + np.random.default_rng(7).normal(size=x.shape)


@pytest.mark.parametrize(
    ("function", "calls"),
    [
        (lambda x: x, []),
        (helper, ["draws.normal(size=x.shape)"]),
        (seeded, []),
        (shaken, ["uniform(0, 1)"]),
        (len, []),
    ],
)
def test_draws_are_told_from_seeded_ones(function: object, calls: list[str]) -> None:
    assert calls == list(random_calls(function))  # type: ignore[arg-type]


def calls_a_helper(x):  # type: ignore[no-untyped-def]
    return helper(x)


def fills(x):  # type: ignore[no-untyped-def]
    x[0].clamp_(0, 1)
    x[1][2] = 0
    return x


class Callable:
    def __call__(self, x):  # type: ignore[no-untyped-def]
        x.mul_(2)
        return x


def test_helpers_methods_and_parts_are_looked_into() -> None:
    assert ("draws.normal(size=x.shape)",) == random_calls(calls_a_helper)
    assert {"x[0].clamp_(0, 1)", "x[1][2] = 0"} == set(written_inputs(fills))
    assert ("x.mul_(2)",) == written_inputs(Callable())


def test_imports_for_annotations_are_no_imports(tmp_path: Path) -> None:
    (tmp_path / "light.py").write_text(
        "import augalgebra as aa\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\n"
        "@aa.hookimpl\ndef augalg_laws():\n    import torch\n    return []\n"
    )
    catalog = aa.load_catalog(aa.Settings((tmp_path,)), installed=False)
    assert ["light"] == [info.name for info in catalog.plugins if info.status == "loaded"]
    assert () == heavy_imports(next(iter(catalog.managers["light"].get_plugins())))


@pytest.mark.parametrize("text", ["AUG101", "aug101", " 101 "])
def test_codes_are_found_however_they_are_written(text: str) -> None:
    assert CODES["AUG101"] is code_of(text)


def test_an_unknown_code_suggests_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown code 'AUG11'; did you mean AUG"):
        code_of("AUG11")


def test_findings_are_data() -> None:
    found = aa.Finding("AUG401", "note", "acme.a", "no law", "propose some", "acme")
    assert {"code", "severity", "subject", "message", "hint", "plugin"} == found.to_dict().keys()
    assert re.fullmatch(r"AUG401 note: acme\.a: no law", str(found))
