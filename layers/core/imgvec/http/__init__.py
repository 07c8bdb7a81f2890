"""HTTP around the dialects: bounds and errors everywhere, connections where we are the server."""
