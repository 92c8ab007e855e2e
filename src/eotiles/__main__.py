"""`python -m eotiles` is the `eotiles` command."""

from eotiles.cli import main

if __name__ == "__main__":
    main()
