"""The conformance kit: what every plugin promises, checked in a test of its author or in continuous integration.

One call looks at laws, determinism, batches, data types, ranges, shapes, randomness, channels and sizes. It is the
same check that ``augalg plugins check`` runs::

    from augalgebra.testing import assert_conforms

    def test_the_plugin_conforms():
        assert_conforms("acme_waves")
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
