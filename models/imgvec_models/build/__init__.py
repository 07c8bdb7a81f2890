"""From two towers as pulled to an encoder that is served."""
