"""The command line: parse arguments, call a method of `Memory`, print the result."""

from helamem.cli.commands import main

__all__ = ["main"]
