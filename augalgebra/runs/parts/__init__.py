"""The latent space of a run in named parts: what no augmentation changes, and what each changes."""
