"""Linear operators on latent spaces: fits, operators of words, and the registry that knows where each comes from."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
