"""`python -m helamem` is the command line."""

from helamem.cli import main

if __name__ == "__main__":
    main(prog_name="helamem")
