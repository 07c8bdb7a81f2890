"""From a source to pixels: safe fetching, base64, decoding."""
