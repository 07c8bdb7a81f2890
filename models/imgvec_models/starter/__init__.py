"""The starter's float32 graphs, from the two wheels' towers and trained heads; no torch needed."""
