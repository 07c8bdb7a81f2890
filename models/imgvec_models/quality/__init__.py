"""What an encoder reaches, measured through the product's own decoding and encoding."""
