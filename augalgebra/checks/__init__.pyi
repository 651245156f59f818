from .comparison import WordComparison as WordComparison
from .comparison import compare_words as compare_words
from .discovery import Discovery as Discovery
from .discovery import discover as discover
from .inversion.inverter import Inversion as Inversion
from .inversion.matrix import measure_matrix as measure_matrix
from .inversion.matrix_report import LEGEND as LEGEND
from .inversion.matrix_report import Matrix as Matrix
from .inversion.matrix_report import as_csv as as_csv
from .inversion.matrix_report import as_markdown as as_markdown
from .inversion.matrix_report import grid as grid
from .inversion.pipelines import invert_pipeline as invert_pipeline
from .inversion.pipelines import undo as undo
from .law_checker import LawChecker as LawChecker
from .laws import check_law as check_law
from .laws import check_laws as check_laws
from .laws import judge_law as judge_law
from .probe_images import blob_images as blob_images
from .probe_images import core_images as core_images
from .probe_images import digit_images as digit_images
from .probe_images import dot_image as dot_image
from .probe_images import glyph_images as glyph_images
from .probe_images import has_dark_border as has_dark_border
from .probe_images import index_image as index_image
from .probe_images import noise_images as noise_images
from .probe_images import scene_images as scene_images
from .probe_images import texture_images as texture_images
from .probes import MOST_PICTURES as MOST_PICTURES
from .probes import Probe as Probe
from .probes import ProbeFailure as ProbeFailure
from .probes import contributed_probes as contributed_probes
from .probes import make_probes as make_probes
from .probes import numbers_in as numbers_in
from .probes import picture_probe as picture_probe
from .probes import probe_sizes as probe_sizes
from .probes import standard_probes as standard_probes
from .probes import suited_probes as suited_probes
from .probes import symmetries as symmetries
from .results import Alternative as Alternative
from .results import Counterexample as Counterexample
from .results import LawReport as LawReport
from .results import LawResult as LawResult
from .results import Verdict as Verdict

__all__ = [
    "LEGEND",
    "MOST_PICTURES",
    "Alternative",
    "Counterexample",
    "Discovery",
    "Inversion",
    "LawChecker",
    "LawReport",
    "LawResult",
    "Matrix",
    "Probe",
    "ProbeFailure",
    "Verdict",
    "WordComparison",
    "as_csv",
    "as_markdown",
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
    "grid",
    "has_dark_border",
    "index_image",
    "invert_pipeline",
    "judge_law",
    "make_probes",
    "measure_matrix",
    "noise_images",
    "numbers_in",
    "picture_probe",
    "probe_sizes",
    "scene_images",
    "standard_probes",
    "suited_probes",
    "symmetries",
    "texture_images",
    "undo",
]
