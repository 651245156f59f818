"""Training: views of data sets, the three stages, and how each is optimised."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
