"""The command line: it parses, calls a method of `Memory`, and prints what came back."""

from helamem.cli.commands import main

__all__ = ["main"]
