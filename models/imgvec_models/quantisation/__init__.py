"""Quantisation to eight bits that gives the same integers on every x86 CPU."""
