"""Trains, measures and exports the starter encoder's heads. A development tool: it needs torch."""
