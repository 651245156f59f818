"""What stands on the pages of runs whose latent space is a pretrained autoencoder."""
