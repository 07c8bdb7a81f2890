"""The gate: keys, and who they belong to."""
