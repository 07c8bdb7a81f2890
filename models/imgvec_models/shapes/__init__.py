"""CLIP's true shapes with random weights, for tests and measurements without a download."""
