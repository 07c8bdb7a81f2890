"""memories.ai: embeddings and assets."""
