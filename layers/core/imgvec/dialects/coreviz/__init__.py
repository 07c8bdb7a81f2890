"""CoreViz image embeddings."""
