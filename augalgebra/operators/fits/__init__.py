"""Fits of operators, one family to a file, as pure functions on moments or on whitened moments."""
