"""PixLab: img-embed, LLM image embed and store."""
