"""The options shared by all commands, before or after the command's name.

Slow imports are inside functions, so that `--help` is quick.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, TypeVar

import click

from helamem.cli import lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from helamem.config import Config, Resolved
    from helamem.memory import Memory
    from helamem.protocols import Clock

TABLE = 20  # default number of rows in a table
Decorated = TypeVar("Decorated", bound="Callable[..., object]")


@dataclass(slots=True)
class App:
    """The values of the shared options, and the memory that they name.

    Attributes:
        settings: Settings of `--set`, by dotted name.
        as_json: Whether to print data for programs instead of tables for people.
        named: The options that were given, also by the environment.
    """

    file: str | None = None
    namespace: str = "default"
    settings: dict[str, str] = field(default_factory=dict)
    config_file: str | None = None
    embedder: str | None = None
    preset: str | None = None
    as_json: bool = False
    ndjson: bool = False
    debug: bool = False
    verbose: int = 0
    named: set[str] = field(default_factory=set)

    def resolved(self) -> Resolved:
        """The resolved configuration, with the source of each setting."""
        from helamem import config

        options = {"preset": self.preset, "embedder": self.embedder}
        overrides = {name: value for name, value in options.items() if value is not None}
        found = config.resolve(self.config_file, arguments={**self.settings, **overrides})
        if found.origins["timezone"] != "default":
            return found
        return config.Resolved(  # times are local by default on the command line
            config=replace(found.config, timezone="local"),
            origins={**found.origins, "timezone": "command line"},
        )

    def config(self) -> Config:
        """The resolved configuration."""
        return self.resolved().config

    def path(self) -> str | Path:
        """The file or database that the commands work on."""
        from helamem.places import resolved

        return resolved(self.file)

    def memory(self, *, namespace: str | None = None, clock: Clock | None = None) -> Memory:
        """The memory of the options; close it, or use it in a `with` block."""
        from helamem.memory import Memory

        name, config = namespace or self.namespace, self.config()
        if clock is None:
            return Memory(self.path(), namespace=name, config=config)
        return Memory(self.path(), namespace=name, config=config, clock=clock)

    def known_memory(self) -> Memory:
        """The memory of the options, for commands that do not create one.

        Raises:
            StoreError: The named file does not exist; a mistyped path must not look like an empty memory.
        """
        from helamem.places import is_there

        if self.file is not None:
            self.require_file()
        elif not is_there(self.path()):
            return self._empty_memory()
        return self.memory()

    def _empty_memory(self) -> Memory:
        """An empty memory in RAM, so that reading commands create no file."""
        from helamem.memory import Memory
        from helamem.places import IN_RAM

        return Memory(IN_RAM, namespace=self.namespace, config=self.config())

    def require_file(self) -> None:
        """Refuse to continue if the file does not exist.

        Raises:
            StoreError: It is not there.
        """
        from helamem.errors import StoreError
        from helamem.places import is_there

        file = self.path()
        if not is_there(file):
            raise StoreError(
                f"there is no file {str(file)!r}; `helamem add` and `helamem import` make one"
            )

    def show(
        self, data: object, render: Callable[[], RenderableType], *, columns: Sequence[str] = ()
    ) -> None:
        """Print a result.

        Args:
            data: The output of `--json` and `--ndjson`.
            render: Makes the output for people.
            columns: The keys of a record that a line in a pipe has; None for the output for people.
        """
        if self.as_json:
            click.echo(lines.dumps(data, indent=2))
        elif self.ndjson:
            _echo_lines(lines.as_json(data))
        elif columns and lines.is_piped():
            _echo_lines(lines.tabbed(data, columns))
        else:
            self._render(render)

    def is_for_programs(self) -> bool:
        """Whether the output is for a program or a pipe."""
        return self.as_json or self.ndjson or lines.is_piped()

    def note(self, *sentences: str) -> None:
        """Print a remark on standard error."""
        for each in sentences:
            click.echo(each, err=True)

    def _render(self, render: Callable[[], RenderableType]) -> None:
        from helamem.cli import display

        display.console().print(render())


def _echo_lines(each: Iterable[str]) -> None:
    for line in each:
        click.echo(line)


pass_app = click.make_pass_decorator(App, ensure=True)


def shared_options(command: Decorated) -> Decorated:
    """Add the options of all commands to a command."""
    return some_options(*_OPTIONS)(command)


def some_options(*names: str) -> Callable[[Decorated], Decorated]:
    """Add some of the shared options to a command."""

    def decorate(command: Decorated) -> Decorated:
        for name in reversed(names):
            command = _option(name, _OPTIONS[name])(command)
        return command

    return decorate


def program_options(program: Decorated) -> Decorated:
    """Add the shared options to the program; only here the environment is read."""
    variables = {"--file": "HELAMEM_FILE", "--namespace": "HELAMEM_NAMESPACE"}
    for name, attributes in reversed(_OPTIONS.items()):
        from_environment = {"envvar": variables.get(name), "show_envvar": name in variables}
        program = _option(name, {**attributes, **from_environment})(program)
    return program


def _option(name: str, attributes: dict[str, Any]) -> Callable[[Decorated], Decorated]:
    declarations = [name] if name != "--verbose" else ["-v", name]
    return click.option(
        *declarations, expose_value=False, is_eager=True, callback=_remember, **attributes
    )


def _remember(context: click.Context, option: click.Parameter, value: object) -> None:
    """Store an option's value, if given; the one nearest to the command wins."""
    app = context.ensure_object(App)
    name = str(option.name)
    if value is None or value is False or value in (0, ()):
        return
    app.named.add(name)
    if name == "set":
        app.settings |= dict(_assignment(each) for each in _texts(value))
    else:
        setattr(app, {"json": "as_json", "config": "config_file"}.get(name, name), value)


def _texts(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


def _assignment(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise click.BadParameter(
            f"{text!r} is not of the form section.key=value, like learning.rate=0.2",
            param_hint="--set",
        )
    return name.strip(), value.strip()


def _completions(*words: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """Shell completions for an option's value."""
    return lambda _context, _option, begun: [word for word in words if word.startswith(begun)]


_OPTIONS: dict[str, dict[str, Any]] = {
    "--file": {"metavar": "PATH", "help": "The memory's file, or the URL of its database."},
    "--namespace": {"metavar": "NAME", "help": "Whose memory: a user, an agent, a project."},
    "--embedder": {
        "metavar": "NAME",
        "help": "static, onnx, minilm, openai:MODEL or another.",
        "shell_complete": _completions("static", "onnx", "minilm", "openai:", "hashing"),
    },
    "--preset": {
        "metavar": "NAME",
        "help": "The settings to start from: default or paper.",
        "shell_complete": _completions("default", "paper"),
    },
    "--set": {
        "metavar": "SECTION.KEY=VALUE",
        "multiple": True,
        "help": "Change one setting; may be given several times.",
    },
    "--config": {"metavar": "FILE", "help": "A TOML file with settings."},
    "--json": {"is_flag": True, "help": "Print JSON instead of tables."},
    "--ndjson": {"is_flag": True, "help": "Print one JSON record per line."},
    "--debug": {"is_flag": True, "help": "Show where an error came from."},
    "--verbose": {"count": True, "help": "Log what is done to standard error; -vv logs more."},
}
