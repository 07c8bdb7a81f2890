"""What embeddings cost on AWS, at list prices."""
