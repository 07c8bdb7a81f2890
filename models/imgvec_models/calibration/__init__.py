"""Photos and sentences that a quantisation is fitted to; all free to ship."""
