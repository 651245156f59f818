"""The demonstration: train, check and extend a latent space on digits that the package draws itself."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
