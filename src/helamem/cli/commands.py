"""The program, and its commands in the order in which one meets them."""

from __future__ import annotations

import click

from helamem.cli import (
    asking,
    bench,
    chat,
    demo,
    doctor,
    importing,
    keeping,
    looking,
    recalling,
    storing,
)
from helamem.cli.program import Program
from helamem.cli.settings import program_options


@click.group("helamem", cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="helamem", message="%(prog)s %(version)s")
@program_options
def main() -> None:
    """Long-term memory for LLM agents that learns what belongs together.

    Example:
        helamem demo
        helamem add "Maya is allergic to peanuts." --speaker Ana
        helamem search "What should I not cook for Maya?"
    """


for command in (
    demo.demo,
    storing.add,
    importing.import_,
    recalling.search,
    recalling.reinforce,
    asking.ask,
    chat.chat,
    keeping.consolidate,
    keeping.facts,
    asking.profile,
    keeping.forget,
    looking.get,
    looking.list_,
    storing.update,
    storing.delete,
    looking.history,
    looking.stats,
    looking.export,
    looking.config,
    doctor.doctor,
    bench.bench,
):
    main.add_command(command)
