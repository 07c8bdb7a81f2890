"""What happens to a request between two dialects: admitted, read, counted, computed."""
