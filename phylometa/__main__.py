"""``python -m phylometa``."""

from phylometa.cli import main

if __name__ == "__main__":
    main()
