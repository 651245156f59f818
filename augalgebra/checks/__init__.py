"""Laws on images, and the consistency of operators in a latent space; every report is data."""

from augalgebra.checks.comparison import WordComparison, compare_words
from augalgebra.checks.discovery import Discovery, discover
from augalgebra.checks.laws import LawChecker, check_law, check_laws, judge_law
from augalgebra.checks.probe_images import (
    blob_images,
    core_images,
    digit_images,
    dot_image,
    glyph_images,
    has_dark_border,
    index_image,
    noise_images,
    scene_images,
    texture_images,
)
from augalgebra.checks.probes import (
    Probe,
    ProbeFailure,
    contributed_probes,
    make_probes,
    picture_probe,
    probe_sizes,
    standard_probes,
    symmetries,
)
from augalgebra.checks.results import Alternative, Counterexample, LawReport, LawResult, Verdict

__all__ = [
    "Alternative",
    "Counterexample",
    "Discovery",
    "LawChecker",
    "LawReport",
    "LawResult",
    "Probe",
    "ProbeFailure",
    "Verdict",
    "WordComparison",
    "blob_images",
    "check_law",
    "check_laws",
    "compare_words",
    "contributed_probes",
    "core_images",
    "digit_images",
    "discover",
    "dot_image",
    "glyph_images",
    "has_dark_border",
    "index_image",
    "judge_law",
    "make_probes",
    "noise_images",
    "picture_probe",
    "probe_sizes",
    "scene_images",
    "standard_probes",
    "symmetries",
    "texture_images",
]
