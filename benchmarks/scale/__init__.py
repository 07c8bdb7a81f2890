"""What the deployment does at 10 to 10,000 requests a second: simulated, not run."""
