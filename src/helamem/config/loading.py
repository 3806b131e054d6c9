"""Loads the configuration: arguments override the environment, which overrides the file, which overrides the preset.

The only module that reads the environment and configuration files. A setting has one spelling
everywhere: `Config().learning.rate`, `HELAMEM_LEARNING_RATE`, `[learning] rate`, `--set learning.rate=`.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args, get_type_hints

from helamem import private
from helamem.config import zones
from helamem.config.presets import PRESETS
from helamem.config.settings import (
    Activation,
    Ask,
    Candidates,
    Consolidation,
    Cues,
    Forgetting,
    Learning,
    Llm,
    Reflection,
    Reranking,
    Selection,
    Spreading,
    Storage,
)
from helamem.errors import ConfigError
from helamem.frozen import dataclass
from helamem.hints import did_you_mean
from helamem.places import data_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import tzinfo
    from pathlib import Path


LanguageName: TypeAlias = Literal["english", "neutral"]
LANGUAGES = get_args(LanguageName)
_TOP: Mapping[str, str] = {  # what the settings outside of sections do; all are texts
    "preset": "the set of values to start from",
    "embedder": "what turns texts into vectors",
    "timezone": "time zone for days and hours: a name like Europe/Berlin, or local",
    "language": "language whose words and patterns are used; neutral has none, for any script",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """All settings of a memory.

    Attributes:
        embedder: "static", "onnx", "minilm", "openai:MODEL" or another of `models.embedders.KNOWN`.
        language: "english", or "neutral" for any other and for several at once.
        timezone: The time zone for days and hours: a name like "Europe/Berlin", "UTC", or "local" for this
            machine's. Times without a zone are in it if it is set to another than "UTC", and refused otherwise.
    """

    preset: str = "default"
    embedder: str = "static"
    language: LanguageName = "english"
    timezone: str = "UTC"
    candidates: Candidates = field(default_factory=Candidates)
    activation: Activation = field(default_factory=Activation)
    spreading: Spreading = field(default_factory=Spreading)
    cues: Cues = field(default_factory=Cues)
    selection: Selection = field(default_factory=Selection)
    learning: Learning = field(default_factory=Learning)
    consolidation: Consolidation = field(default_factory=Consolidation)
    forgetting: Forgetting = field(default_factory=Forgetting)
    storage: Storage = field(default_factory=Storage)
    reranking: Reranking = field(default_factory=Reranking)
    llm: Llm = field(default_factory=Llm)
    reflection: Reflection = field(default_factory=Reflection)
    ask: Ask = field(default_factory=Ask)

    def __post_init__(self) -> None:
        for name in _TOP:
            if not isinstance(getattr(self, name), str):
                raise ConfigError(f"{name} must be a string, not {getattr(self, name)!r}")
        if self.preset not in PRESETS:
            raise ConfigError(
                f"there is no preset {self.preset!r}; there are {', '.join(sorted(PRESETS))}"
            )
        if self.language not in LANGUAGES:
            raise ConfigError(f"language = {self.language!r}, but it must be one of {LANGUAGES}")
        zones.zone(self.timezone)

    @property
    def zone(self) -> tzinfo:
        """The time zone that `timezone` names."""
        return zones.zone(self.timezone)

    @property
    def naive_zone(self) -> tzinfo | None:
        """The zone of times without one; None if `timezone` was not set: such times are refused."""
        return None if self.timezone == "UTC" else self.zone

    @classmethod
    def of(cls, preset: str = "default", **settings: Any) -> Config:
        """A preset, with single settings replaced: `Config.of("paper", **{"learning.rate": 0.1})`.

        Raises:
            ConfigError: The preset or a setting is unknown, or a value is out of range.
        """
        return resolve(arguments={"preset": preset, **settings}, environ={}).config

    @classmethod
    def load(
        cls,
        path: str | Path | None = None,
        *,
        environ: Mapping[str, str] = os.environ,
        **settings: Any,
    ) -> Config:
        """Load the configuration from arguments, environment, file and preset, in this order of precedence.

        Args:
            path: A TOML file; None reads `config.toml` in the data folder, if there is one.
            environ: The environment, for HELAMEM_* variables.
            settings: Single settings, by dotted name.

        Raises:
            ConfigError: A setting is unknown or out of range; the message says where it came from.
        """
        return resolve(path, environ=environ, arguments=settings).config


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A configuration, and where each setting came from ("default", "preset paper", a path, ...)."""

    config: Config
    origins: Mapping[str, str]


def llm_api_key(
    path: str | Path | None = None, *, environ: Mapping[str, str] = os.environ, base_url: str = ""
) -> str:
    """The language model's key: HELAMEM_LLM_API_KEY, or `api_key` under [llm] in the file; else empty.

    For OpenAI's own server (no `base_url`), OPENAI_API_KEY is used too.

    Raises:
        ConfigError: The file cannot be read.
    """
    _, content = _file_content(path, environ)
    key = environ.get("HELAMEM_LLM_API_KEY") or dict(_flattened(content)).get(_API_KEY, "")
    return str(key) or ("" if base_url else environ.get("OPENAI_API_KEY", ""))


def resolve(
    path: str | Path | None = None,
    *,
    environ: Mapping[str, str] = os.environ,
    arguments: Mapping[str, Any] | None = None,
) -> Resolved:
    """Resolve the configuration, with the origin of each setting.

    Raises:
        ConfigError: A setting is unknown or out of range; the message says where it came from.
    """
    layers = [
        *_file_layer(path, environ),
        *_environment_layer(environ),
        (
            "argument",
            {name: value for name, value in (arguments or {}).items() if value is not None},
        ),
    ]
    preset = "default"
    for _, settings in layers:
        preset = settings.get("preset", preset)
    if preset not in PRESETS:
        raise ConfigError(f"there is no preset {preset!r}; there are {', '.join(sorted(PRESETS))}")
    values: dict[str, Any] = {}
    origins = dict.fromkeys(names(), "default")
    for origin, settings in [(f"preset {preset}", PRESETS[preset]), *layers]:
        for name, value in settings.items():
            values[name] = _parsed(name, value, origin)
            origins[name] = origin
    return Resolved(config=_build(values, origins), origins=origins)


def names() -> Iterator[str]:
    """Every setting's dotted name, in the order of the documentation."""
    for spec in dataclasses.fields(Config):
        section = _SECTIONS.get(spec.name)
        if section is None:
            yield spec.name
        else:
            yield from (f"{spec.name}.{inner.name}" for inner in dataclasses.fields(section))


def describe(name: str) -> str:
    """What a setting does, in one line."""
    if "." not in name:
        return _TOP[name]
    return str(_field(name).metadata["doc"])


def is_stable(name: str) -> bool:
    """Whether a setting is stable; the others are numbers of the ranking, which may change."""
    return "." not in name or bool(_field(name).metadata["stable"])


def _field(name: str) -> dataclasses.Field[Any]:
    section, _, key = name.partition(".")
    return next(each for each in dataclasses.fields(_SECTIONS[section]) if each.name == key)


def value_of(config: Config, name: str) -> Any:
    """The value of a setting by its dotted name."""
    value: Any = config
    for part in name.split("."):
        value = getattr(value, part)
    return value


_SECTIONS: Mapping[str, type[Any]] = {
    name: section for name, section in get_type_hints(Config).items() if name not in _TOP
}


# Environment variables that are not settings; other modules read them through this one.
_OTHER_VARIABLES = frozenset(
    {
        "HELAMEM_HOME",
        "HELAMEM_FILE",
        "HELAMEM_NAMESPACE",
        "HELAMEM_CONFIG",
        "HELAMEM_LLM_API_KEY",
    }
)
_API_KEY = "llm.api_key"


def _file_layer(
    path: str | Path | None, environ: Mapping[str, str]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    file, content = _file_content(path, environ)
    if file is not None:
        settings = dict(_flattened(content))
        settings.pop(_API_KEY, None)
        yield str(file), settings


def _file_content(
    path: str | Path | None, environ: Mapping[str, str]
) -> tuple[Path | None, Mapping[str, Any]]:
    """The configuration file, if there is one, and its content."""
    named = path or environ.get("HELAMEM_CONFIG")
    file = private.expanded(named) if named else data_folder(environ) / "config.toml"
    if not named and not file.is_file():
        return None, {}
    if not named:
        private.tighten(file)  # it may hold a key
    import tomllib

    try:
        content = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as exc:
        raise ConfigError(f"{file} cannot be read: {exc.strerror}") from exc
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as exc:
        raise ConfigError(f"{file} is not TOML: {exc}") from exc
    return file, content


def _flattened(content: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in content.items():
        if isinstance(value, dict):
            yield from ((f"{key}.{inner}", each) for inner, each in value.items())
        else:
            yield key, value


def _environment_layer(environ: Mapping[str, str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    known = {variable(name): name for name in names()}
    for key in sorted(environ):
        if not key.startswith("HELAMEM_") or key in _OTHER_VARIABLES:
            continue
        if key not in known:
            raise ConfigError(
                f"{key} is set in the environment, but is not a setting"
                + (did_you_mean(key, known) or "; see `helamem config`")
            )
        yield key, {known[key]: environ[key]}


def variable(name: str) -> str:
    """The environment variable of a setting: "learning.rate" is HELAMEM_LEARNING_RATE."""
    return "HELAMEM_" + name.replace(".", "_").upper()


def _parsed(name: str, value: Any, origin: str) -> Any:
    """Convert a value, for example text from the environment, to the setting's type."""
    section, _, key = name.partition(".")
    if name in _TOP:
        return value
    hints = get_type_hints(_SECTIONS[section]) if section in _SECTIONS else {}
    if not key or key not in hints:
        raise ConfigError(f"there is no setting {name!r} (from {origin}){_advice(name)}")
    try:
        return _converted(value, hints[key])
    except ValueError as exc:
        raise ConfigError(f"{name} = {value!r} (from {origin}): {exc}") from exc


def _advice(unknown: str) -> str:
    """What to write in place of an unknown name."""
    inside = [each for each in names() if each.startswith(f"{unknown}.")]
    if inside:
        return f"; it is a section, so name a setting of it, as in {inside[0]!r}"
    return did_you_mean(unknown, names()) or "; `helamem config` lists them"


def _converted(value: Any, kind: Any) -> Any:
    if kind is bool and isinstance(value, str):
        if value.lower() not in {"true", "false", "1", "0", "yes", "no", "on", "off"}:
            raise ValueError("expected true or false")
        return value.lower() in {"true", "1", "yes", "on"}
    if kind is int and isinstance(value, str):
        return _number(value, int, "expected a whole number")
    if kind is float and isinstance(value, str | int) and not isinstance(value, bool):
        return _number(value, float, "expected a number")
    return value


def _number(value: str | float, kind: type[float], expected: str) -> float:
    try:
        return kind(value)
    except (ValueError, OverflowError) as exc:
        raise ValueError(expected) from exc


def _build(values: Mapping[str, Any], origins: Mapping[str, str]) -> Config:
    sections: dict[str, dict[str, Any]] = {}
    top: dict[str, Any] = {}
    for name, value in values.items():
        section, _, key = name.partition(".")
        if key:
            sections.setdefault(section, {})[key] = value
        else:
            top[name] = value
    built = {name: _section(name, each, origins) for name, each in sections.items()}
    return Config(**top, **built)


def _section(name: str, values: Mapping[str, Any], origins: Mapping[str, str]) -> Any:
    try:
        return _SECTIONS[name](**values)
    except ConfigError as exc:
        key = next((k for k in values if f"{name}.{k} " in str(exc)), "")
        raise ConfigError(f"{exc} (from {origins.get(f'{name}.{key}', 'argument')})") from exc
