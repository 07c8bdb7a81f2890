"""From a model hub to a served encoder: recipes, pulling, pinning, verifying, building."""
