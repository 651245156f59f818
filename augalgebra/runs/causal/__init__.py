"""Runs of causal models: trained in a folder, asked for counterfactuals, and edited under names."""
