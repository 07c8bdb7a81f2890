"""API keys of the gateway, one for each consumer, by which its usage plans throttle."""
