"""`make bench`: every figure of docs/explanation/performance.md, in one run."""
