"""Quality of an encoder, measured through the product's own decoding and encoding."""
