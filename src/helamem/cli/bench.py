"""`helamem bench`: how well the memory does on published data, beside simpler systems."""

from __future__ import annotations

import click

from helamem.cli.program import Group


@click.group(cls=Group)
def bench() -> None:
    """Measure how well memories are found.

    Simpler systems are measured beside it, on the same data.

    Example:
        helamem bench locomo --data locomo10.json --json results.json
    """
