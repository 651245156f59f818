"""Whether operators in a latent space keep the laws: words measured against the floor of direct views."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
