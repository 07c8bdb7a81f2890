"""A local index of photos: search, near-duplicates, clusters, contact sheets."""
