"""Augmentations as elements of an algebra.

Each name is loaded when it is first used, so that importing this package is quick and a plugin loads no tensor library.
There is more in the wings, such as `augalgebra.algebra`, `augalgebra.checks`, `augalgebra.operators`, `augalgebra.runs`
and `augalgebra.reports`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
