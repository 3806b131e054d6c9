"""The program and its commands, in the order of a first walk; each is imported when it is called."""

from __future__ import annotations

import click

from helamem.cli.program import Program
from helamem.cli.settings import program_options

COMMANDS = {
    "demo": "demo.command:demo",
    "add": "add:add",
    "import": "import_:import_",
    "search": "search:search",
    "reinforce": "search:reinforce",
    "ask": "ask:ask",
    "chat": "chat:chat",
    "consolidate": "consolidate:consolidate",
    "facts": "consolidate:facts",
    "profile": "ask:profile",
    "forget": "consolidate:forget",
    "reindex": "consolidate:reindex",
    "get": "show:get",
    "list": "show:list_",
    "cues": "erase:cues",
    "ignored": "lessons:ignored",
    "lessons": "lessons:lessons",
    "undo": "lessons:undo",
    "sever": "lessons:sever",
    "update": "add:update",
    "correct": "add:correct",
    "revert": "add:revert",
    "delete": "erase:delete",
    "erase": "erase:erase",
    "namespaces": "erase:namespaces",
    "history": "show:history",
    "stats": "show:stats",
    "export": "show:export",
    "copy": "copy:copy",
    "config": "show:config",
    "doctor": "doctor:doctor",
    "repair": "doctor:repair",
    "serve": "serve:serve",
    "keys": "serve:keys",
    "worker": "worker:worker",
    "mcp": "mcp:mcp",
    "hook": "hook:hook",
    "bench": "bench.commands:bench",
}


@click.group(
    "helamem",
    cls=Program,
    later=COMMANDS,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="helamem", message="%(prog)s %(version)s")
@program_options
def main() -> None:
    """Long-term memory for LLM agents.

    Example:
        helamem demo
        helamem add "Maya is allergic to peanuts." --speaker Ana
        helamem search "What should I not cook for Maya?"
    """
