"""The demonstration: train, check and extend a latent space on digits that the package draws itself."""
