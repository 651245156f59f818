"""Laws on images, and the consistency of operators in a latent space; every report is data."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
