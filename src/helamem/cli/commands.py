"""The program, and its commands in the order in which one meets them."""

from __future__ import annotations

import click

from helamem.cli import add, ask, chat, consolidate, doctor, import_, search, serve, show
from helamem.cli.bench.commands import bench
from helamem.cli.demo.command import demo
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
    demo,
    add.add,
    import_.import_,
    search.search,
    search.reinforce,
    ask.ask,
    chat.chat,
    consolidate.consolidate,
    consolidate.facts,
    ask.profile,
    consolidate.forget,
    consolidate.reindex,
    show.get,
    show.list_,
    add.update,
    add.delete,
    show.history,
    show.stats,
    show.export,
    show.config,
    doctor.doctor,
    serve.serve,
    serve.keys,
    doctor.repair,
    bench,
):
    main.add_command(command)
