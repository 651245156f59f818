"""Undoing pipelines: which of them can be undone, how exactly, and for which kinds of values."""
