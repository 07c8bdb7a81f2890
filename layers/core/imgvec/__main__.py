"""`python -m imgvec`."""

from imgvec.cli import main

if __name__ == "__main__":
    main()
