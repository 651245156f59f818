from .aspects import ASPECTS as ASPECTS
from .junit_xml import junit as junit
from .kit import Case as Case
from .kit import assert_conforms as assert_conforms
from .kit import cases as cases
from .kit import check_plugin as check_plugin
from .report import Failure as Failure
from .report import Report as Report
from .report import Result as Result

__all__ = [
    "ASPECTS",
    "Case",
    "Failure",
    "Report",
    "Result",
    "assert_conforms",
    "cases",
    "check_plugin",
    "junit",
]
