"""Galleries, figures, tables and pages of a trained run."""
