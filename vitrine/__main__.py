"""`python -m vitrine`: the command line."""

from vitrine.cli import main

if __name__ == "__main__":
    main()
