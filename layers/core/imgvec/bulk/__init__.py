"""Jobs over many images: a frozen plan, parts that appear whole, and resuming."""
