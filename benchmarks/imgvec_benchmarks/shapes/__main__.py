"""`python -m imgvec_benchmarks.shapes {b32,l14,small} FOLDER`: write both towers there."""

import sys
from pathlib import Path

from imgvec_benchmarks.shapes import write_towers
from imgvec_benchmarks.shapes.sizes import B32, L14, SMALL

SIZES = {"b32": B32, "l14": L14, "small": SMALL}

if __name__ == "__main__":
    write_towers(SIZES[sys.argv[1]], Path(sys.argv[2]))
