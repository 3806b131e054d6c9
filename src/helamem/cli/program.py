"""Base classes of commands, groups and the program: help with an example, errors as one sentence."""

from __future__ import annotations

import codecs
import errno
import importlib
import inspect
import io
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from helamem import hints
from helamem.cli.settings import App
from helamem.errors import HelaMemError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Errors about the input, the file or the machine, which are shown without a traceback.
EXPECTED = (HelaMemError, ValueError, TypeError, OSError)
LOOKALIKE = "helamem.lookalike"  # how errors of encoding are handled
LOOKALIKES = str.maketrans("·…–—‘’“”", "-.--''\"\"")  # noqa: RUF001  # it is about these
NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class _WithExample(click.Command):
    """A command whose help shows the example in its docstring verbatim."""

    def format_help_text(
        self,
        ctx: click.Context,  # noqa: ARG002  # the signature is click's
        formatter: click.HelpFormatter,
    ) -> None:
        """Write the description, then the example."""
        _format_with_example(self.help or "", formatter)


class Command(_WithExample):
    """A command that reads its options and logs as all of ours do."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments; an option of another memory system gets a hint."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            ours = hints.ARGUMENTS.get(exc.option_name.strip("-").replace("-", "_"), ())
            here = [f"`{each.opts[0]}`" for each in self.params if each.name in ours]
            if exc.possibilities or not here:
                raise
            sentence = f"there is no option {exc.option_name!r}; here it is {' or '.join(here)}"
            raise click.UsageError(sentence, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, logging to standard error."""
        verbose = ctx.ensure_object(App).verbose
        if verbose:
            level = logging.DEBUG if verbose > 1 else logging.INFO
            logging.basicConfig(format="%(name)s: %(message)s", level=logging.WARNING, force=True)
            logging.getLogger("helamem").setLevel(level)
        return super().invoke(ctx)


class Group(click.Group, _WithExample):
    """A command with subcommands."""

    command_class = Command

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """The commands in the order of a first walk."""
        return self.names()

    def names(self) -> list[str]:
        """The names of the commands, those too that are not imported yet."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find a command; a word of another memory system gets a hint."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            ctx.fail(self._refuse_unknown(args[0]))
        return super().resolve_command(ctx, args)

    def _refuse_unknown(self, name: str) -> str:
        ours = hints.METHODS.get(name.replace("-", "_"), "").strip("`")
        names = self.names()
        if ours in names:
            return f"there is no command {name!r}; here it is `{ours}`"
        advice = hints.did_you_mean(name, names) or f"; there are {', '.join(names)}"
        return f"there is no command {name!r}{advice}"


class Program(Group):
    """The program itself: it imports commands when they are called, and prints errors as sentences.

    Args:
        later: By command name, its "module:function" in this folder.
    """

    def __init__(self, *args: Any, later: Mapping[str, str] | None = None, **options: Any) -> None:
        super().__init__(*args, **options)
        self._later = later or {}

    def names(self) -> list[str]:
        """The names of the commands, those too that are not imported yet."""
        return list(dict.fromkeys([*self._later, *self.commands]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A command by its name, imported now."""
        if cmd_name in self._later and cmd_name not in self.commands:
            module, _, function = self._later[cmd_name].partition(":")
            home = importlib.import_module(f"helamem.cli.{module}")
            self.add_command(getattr(home, function), cmd_name)
        return super().get_command(ctx, cmd_name)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command, printing an error as one sentence on standard error."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise  # click reports these; a broken pipe means that the reader has enough
        except Exception as exc:
            if ctx.ensure_object(App).debug:
                raise
            raise click.ClickException(_sentence(exc)) from exc

    def main(self, args: Sequence[str] | None = None, *rest: Any, **extra: Any) -> Any:
        """Run the program, even if the output's encoding lacks characters or a stream is closed."""
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # noqa: TID251  # starting others takes longer than a search
        _replace_closed_streams()
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors=LOOKALIKE)
        return super().main(args, *rest, **extra)


def _look_alike(error: UnicodeError) -> tuple[str, int]:
    """What is written for characters that an encoding lacks: what looks like them, or their number."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    lacking = error.object[error.start : error.end].translate(LOOKALIKES)
    return lacking.encode("ascii", "backslashreplace").decode("ascii"), error.end


codecs.register_error(LOOKALIKE, _look_alike)


def _replace_closed_streams() -> None:
    """Let nothing be read from a closed standard input, and what goes to a closed output be lost."""
    for name, mode in {"stdin": "r", "stdout": "w", "stderr": "w"}.items():
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # until the program ends


def _sentence(exc: Exception) -> str:
    sentence = " ".join(str(exc).split())
    if isinstance(exc, OSError) and exc.strerror:
        return _of_the_machine(exc)
    if isinstance(exc, EXPECTED):
        return sentence or type(exc).__name__
    return (
        f"this should not have happened: {type(exc).__name__}: {sentence}. "
        "--debug shows where; please report it"
    )


def _of_the_machine(exc: OSError) -> str:
    if exc.filename is not None:
        return f"{exc.filename} cannot be used: {exc.strerror}; check its rights, or name another place"
    if exc.errno in NO_ROOM:
        return f"the output could not be written: {exc.strerror}; free some space and try again"
    return str(exc.strerror)


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
