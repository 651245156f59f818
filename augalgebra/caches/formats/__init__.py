"""The formats of cached codes, one module each; what they share is in `layout`."""
