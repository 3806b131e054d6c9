"""The options for a language model, and opening it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from helamem.cli.settings import App

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from helamem.protocols import LLM

    Decorated = TypeVar("Decorated", bound=Callable[..., object])

_KEY = "helamem.llm_api_key"


def llm_options(command: Decorated) -> Decorated:
    """Add the options that name a language model to a command."""
    for name, (variable, words) in reversed(_OPTIONS.items()):
        command = click.option(
            name, metavar=name[2:].upper(), help=f"{words} ({variable}).",
            expose_value=False, callback=_remember,
        )(command)  # fmt: skip
    return command


def language_model(app: App) -> LLM:
    """The language model of options, environment and configuration file; closed with the command.

    Raises:
        ConfigError: No model is named, or a key is missing.
    """
    from helamem import memory

    context = click.get_current_context()
    llm = memory.language_model(
        app.config(), config_file=app.config_file, api_key=context.meta.get(_KEY)
    )
    context.call_on_close(llm.close)
    return llm


def is_configured(app: App) -> bool:
    """Whether a language model is configured."""
    return bool(app.config().llm.model)


_OPTIONS = {
    "--model": ("HELAMEM_LLM_MODEL", "The language model's name"),
    "--base-url": ("HELAMEM_LLM_BASE_URL", "The address of its OpenAI-compatible server, with /v1"),
    "--api-key": ("HELAMEM_LLM_API_KEY", "Its key; better in the environment"),
}
_SETTINGS = {"model": "llm.model", "base_url": "llm.base_url"}


def _remember(context: click.Context, option: click.Parameter, value: str | None) -> None:
    """Store an option's value, if given; the key stays apart from the settings, which can be listed."""
    name = str(option.name)
    if value is None:
        return
    if name in _SETTINGS:
        context.ensure_object(App).settings[_SETTINGS[name]] = value
    else:
        context.meta[_KEY] = value
