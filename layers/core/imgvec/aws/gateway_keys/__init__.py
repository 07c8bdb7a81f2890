"""API Gateway keys, one for each consumer, so that usage plans throttle by consumer."""
