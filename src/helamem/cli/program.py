"""What commands, groups and the program have in common: help with an example, errors in a sentence."""

from __future__ import annotations

import difflib
import inspect
import io
import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from helamem import hints
from helamem.cli.settings import App
from helamem.errors import HelaMemError

if TYPE_CHECKING:
    from collections.abc import Sequence

# What our own code raises when something is wrong with the input, the file or the machine.
EXPECTED = (HelaMemError, ValueError, TypeError, OSError)


class Command(click.Command):
    """A command whose help shows the example in its docstring as it stands there."""

    def format_help_text(
        self,
        ctx: click.Context,  # noqa: ARG002  # the signature is click's
        formatter: click.HelpFormatter,
    ) -> None:
        """Write what the command does, then the example."""
        _format_with_example(self.help or "", formatter)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; what it logs goes to standard error."""
        verbose = ctx.ensure_object(App).verbose
        if verbose:
            level = logging.DEBUG if verbose > 1 else logging.INFO
            logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING, force=True)
            logging.getLogger("helamem").setLevel(level)
        return super().invoke(ctx)


class Group(click.Group):
    """A command with commands of its own."""

    command_class = Command

    def format_help_text(
        self,
        ctx: click.Context,  # noqa: ARG002  # the signature is click's
        formatter: click.HelpFormatter,
    ) -> None:
        """Write what the group is for, then the example."""
        _format_with_example(self.help or "", formatter)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands in the order in which they were added."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a word of another memory's ends in what ours is called."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(self._unknown(args[0]))
        return super().resolve_command(ctx, args)

    def _unknown(self, name: str) -> str:
        ours = hints.METHODS.get(name.replace("-", "_"), "").strip("`")
        if ours in self.commands:
            return f"there is no command {name!r}; here it is `{ours}`"
        close = difflib.get_close_matches(name, self.commands, n=1)
        if close:
            return f"there is no command {name!r}; did you mean `{close[0]}`?"
        return f"there is no command {name!r}; there are {', '.join(self.commands)}"


class Program(Group):
    """The program itself: an expected error becomes one sentence, and an exit code of 1."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, with its errors on standard error."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise  # whoever read our output has enough; click ends quietly
        except EXPECTED as exc:
            if ctx.ensure_object(App).debug:
                raise
            raise click.ClickException(_sentence(exc)) from exc

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run the program on a terminal or a pipe that may not know every character."""
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        return super().main(args, *rest, **extra)


def _sentence(exc: BaseException) -> str:
    return " ".join(str(exc).split()) or type(exc).__name__


def _format_with_example(text: str, formatter: click.HelpFormatter) -> None:
    words, _, example = inspect.cleandoc(text).partition("Example:\n")
    for paragraph in words.strip().split("\n\n"):
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(" ".join(paragraph.split()))
    if example.strip():
        with formatter.section("Example"):
            for line in inspect.cleandoc(example).splitlines():
                formatter.write(f"{'':>{formatter.current_indent}}{line}\n")
