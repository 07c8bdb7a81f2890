"""Tools for developers: what an encoder reaches, measured through the product's own path."""
