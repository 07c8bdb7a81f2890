"""From images and texts to vectors, without HTTP, keys or vendors."""
