"""Runs whose latent space is somebody's pretrained autoencoder: operators on grids of codes, and what they can do."""
