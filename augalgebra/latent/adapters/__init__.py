"""Autoencoders that others have trained, as latent spaces; each package that is needed is imported when it is used."""
