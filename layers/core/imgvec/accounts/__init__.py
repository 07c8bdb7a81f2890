"""Consumers: their keys and plans (the gate), and what they use (the meter)."""
