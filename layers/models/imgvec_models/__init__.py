"""Tools that make encoders: pulled, built, quantised, judged. Needed to build, never to serve."""
