"""Encoders of other families at their true shape, with random weights: `make test-encoders`."""
