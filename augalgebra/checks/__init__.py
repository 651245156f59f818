"""Laws on images, and the consistency of operators in a latent space; every report is data."""

from augalgebra.checks.discovery import Discovery, discover
from augalgebra.checks.laws import LawChecker, check_law, check_laws
from augalgebra.checks.pictures import picture_probe
from augalgebra.checks.probes import (
    Probe,
    ProbeFailure,
    blob_images,
    contributed_probes,
    digit_images,
    dot_image,
    glyph_images,
    index_image,
    noise_images,
    standard_probes,
    symmetries,
)
from augalgebra.checks.results import Alternative, Counterexample, LawReport, LawResult, Verdict
from augalgebra.checks.words import WordComparison, compare_words

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
    "digit_images",
    "discover",
    "dot_image",
    "glyph_images",
    "index_image",
    "noise_images",
    "picture_probe",
    "standard_probes",
    "symmetries",
]
