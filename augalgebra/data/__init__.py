"""Data sets: embedded, downloaded, from a folder or an archive; every file from outside is checked."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
