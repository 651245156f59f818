"""Data sets that are drawn from known factors."""
