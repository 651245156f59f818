"""The conformance kit: what every plugin promises, checked in a test of its author or in continuous integration.

One call looks at laws, determinism, batches, data types, ranges, shapes, randomness, channels and sizes. It is the
same check that ``augalg plugins check`` runs::

    from augalgebra.testing import assert_conforms

    def test_the_plugin_conforms():
        assert_conforms("acme_waves")
"""

from augalgebra.testing.aspects import ASPECTS
from augalgebra.testing.cases import Case, assert_conforms, cases, check_plugin
from augalgebra.testing.junit import junit
from augalgebra.testing.report import Failure, Report, Result

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
