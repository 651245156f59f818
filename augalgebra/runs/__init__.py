"""What is done with a trained run: training it, measuring it, asking it, extending it, moving images through it."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
