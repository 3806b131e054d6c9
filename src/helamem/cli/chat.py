"""The command chat: a conversation in the terminal that remembers."""

from __future__ import annotations

import sys
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from helamem.cli import lines
from helamem.cli.models import language_model, llm_options
from helamem.cli.program import Command
from helamem.cli.settings import App, pass_app, shared_options
from helamem.cli.values import ids

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from helamem.answering.chat import Chat, Exchange
    from helamem.memory import Memory

REFLECT_EVERY = 40  # turns between reflections, by default


@click.command(cls=Command)
@click.option("--session", help="The conversation to continue; a new one by default.")
@click.option("--name", default="user", show_default=True, help="Your name as a speaker.")
@click.option("--unfolded", is_flag=True, help="Show the recalled memories for every message.")
@llm_options
@shared_options
@pass_app
def chat(app: App, session: str | None, name: str, unfolded: bool) -> None:
    """Talk with a language model that remembers.

    It remembers both sides, learns which memories served, and distils facts in the background. /help lists
    the commands.

    Example:
        helamem chat --name Ana
    """
    from helamem.answering.chat import Chat

    llm = language_model(app)
    with app.memory() as memory:
        memory.llm = llm
        memory.reflect_every = memory.config.reflection.every or REFLECT_EVERY
        talk = Chat(memory, llm, session=session, speaker=name)
        Conversation(app, memory, talk, unfolded=unfolded).run()


class Conversation:
    """Reads lines and answers them: commands, or messages."""

    def __init__(self, app: App, memory: Memory, chat: Chat, *, unfolded: bool) -> None:
        self._app = app
        self._memory = memory
        self._chat = chat
        self._unfolded = unfolded
        self._commands: dict[str, tuple[Callable[[str], None], str]] = {
            "/why": (self._why, "the memories given to the last reply, and why"),
            "/recall": (self._fold, "fold or unfold the recalled memories"),
            "/facts": (self._facts, "the distilled facts"),
            "/profile": (self._profile, "what is known about everybody, or about NAME"),
            "/forget": (self._forget, "remove the memories ID ID ... for good"),
            "/help": (self._help, "this list"),
        }

    def run(self) -> None:
        """Read and answer until the input ends or /quit."""
        if not self._app.as_json:
            click.echo("/help lists the commands, /quit ends.", err=True)
        while (line := self._read_line()) is not None and line != "/quit":
            try:
                self._handle(line)
            except click.ClickException as error:
                error.show()

    def _read_line(self) -> str | None:
        """The next line; None at the end of the input."""
        prompt = "> " if sys.stdin.isatty() else ""
        try:
            return input(prompt).strip()
        except (EOFError, KeyboardInterrupt):
            return None

    def _handle(self, line: str) -> None:
        from helamem.errors import HelaMemError

        name, _, rest = line.partition(" ")
        try:
            if name.startswith("/"):
                self._command(name)(rest.strip())
            elif line:
                self._say(line)
        except (HelaMemError, ValueError) as error:
            raise click.ClickException(" ".join(str(error).split())) from error

    def _command(self, name: str) -> Callable[[str], None]:
        if name not in self._commands:
            raise click.ClickException(f"there is no {name}; /help lists the commands")
        return self._commands[name][0]

    def _say(self, text: str) -> None:
        """Send a message and print the reply as it comes; Ctrl-C interrupts it."""
        with closing(self._chat.send(text)) as pieces:
            try:
                for piece in pieces:
                    self._print(piece)
            except KeyboardInterrupt:
                self._print(" ...")
        if self._app.as_json:
            click.echo(lines.dumps(self._last_exchange().to_dict()))
        else:
            click.echo()
            self._show(_render_exchange(self._last_exchange(), unfolded=self._unfolded))

    def _print(self, piece: str) -> None:
        from helamem.cli import display

        if not self._app.as_json:
            click.echo(display.printable(piece), nl=False)

    def _last_exchange(self) -> Exchange:
        if self._chat.last is None:
            raise click.ClickException("there is no reply yet; say something first")
        return self._chat.last

    def _show(self, rendered: RenderableType) -> None:
        from helamem.cli import display

        display.console().print(rendered)

    def _why(self, _: str) -> None:
        from helamem.cli import display
        from helamem.cli.search import sources

        recall = replace(self._last_exchange().recall, hits=self._last_exchange().shown)
        known = sources(self._memory, recall)
        self._show(display.recall(recall, explain=True, known=known))

    def _fold(self, _: str) -> None:
        self._unfolded = not self._unfolded
        click.echo("unfolded" if self._unfolded else "folded")

    def _facts(self, _: str) -> None:
        from helamem.cli import display

        self._show(display.facts(self._memory.facts()))

    def _profile(self, name: str) -> None:
        from helamem.cli.ask import profiles

        self._show(profiles(self._memory.profile(name or None)))

    def _forget(self, which: str) -> None:
        if not which:
            raise click.ClickException("name the ids: /forget ID ID ... (/why shows them)")
        named = ids(which.replace(" ", ","))
        along = len(self._memory.delete(*named)) - len(set(named))
        rest = f", and {along} facts or earlier questions that rested on them" if along else ""
        click.echo(f"forgotten: {', '.join(f'#{id_}' for id_ in named)}{rest}")

    def _help(self, _: str) -> None:
        for name, (_command, words) in self._commands.items():
            click.echo(f"{name:10}{words}")
        click.echo(f"{'/quit':10}end")


def _render_exchange(exchange: Exchange, *, unfolded: bool) -> RenderableType:
    """A line about the recalled and used memories; unfolded, the memories themselves."""
    from rich.console import Group
    from rich.text import Text

    from helamem.cli import display

    line = f"{display.counted(len(exchange.shown), 'memory', 'memories')} recalled"
    if exchange.used:
        line += f", used: {display.ids(exchange.used)}"
    shown = [
        Text.assemble(f"  #{hit.id} ", display.clipped(hit.text), " ", display.about(hit))
        for hit in exchange.shown
    ]
    return Group(Text(f"[{line}; /why explains]", "dim"), *(shown if unfolded else ()))
