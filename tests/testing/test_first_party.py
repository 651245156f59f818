"""The plugins of this project pass the conformance kit."""

import pytest

from augalgebra.testing import ASPECTS, check_plugin

FIRST_PARTY_WORDS = {
    "albumentations": [
        "albumentations.Solarize(threshold_range=(0.5,0.5))",
        "albumentations.Rotate(limit=(30,30))",
        "albumentations.GaussNoise",
        "albumentations.RandomCrop(height=5,width=6)",
        """serialized('{"transform":{"__class_fullname__":"GaussNoise","p":1}}')""",
    ],
    "kornia": [
        "kornia.RandomInvert",
        "kornia.RandomRotation((30, 30))",
        "kornia.CenterCrop((5, 6))",
        "kornia.RandomGaussianBlur(kernel_size=(3, 3), sigma=(1, 1))",
        "kornia.RandomSolarize((0.5, 0.5), (0, 0))",
    ],
}


@pytest.mark.parametrize(
    "name", ["affine", "albumentations", "dihedral", "filters", "interventions", "kornia", "noise", "photometric"]
)
def test_a_first_party_plugin_conforms(name: str) -> None:
    if name == "kornia":
        pytest.importorskip("kornia", reason="the extra kornia is not installed")
    aspects = [aspect for aspect in ASPECTS if aspect != "lint"]  # which takes seconds and has tests of its own
    report = check_plugin(name, aspects=aspects, words=FIRST_PARTY_WORDS.get(name, ()))
    assert report.conforms, str(report)
    skipped = {result.note for result in report.results if result.verdict == "not checked"}
    assert skipped <= {"no law is declared"}


def test_a_plugin_of_commands_alone_conforms() -> None:
    report = check_plugin("slides")
    assert [("lint", "passed")] == [(result.aspect, result.verdict) for result in report.results]
