"""Networks to compare with: a conditional VAE, an operator that is a network, classifiers that judge images."""
