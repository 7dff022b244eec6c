"""`python -m tl_core` is the same as `transferlab`."""

from tl_core.cli import main

if __name__ == "__main__":
    main()
