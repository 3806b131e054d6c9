from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from helamem import Config, ConfigError, config

if TYPE_CHECKING:
    from pathlib import Path


def test_defaults_are_valid_and_the_preset_paper_differs() -> None:
    assert Config() == Config.load(environ={})
    assert Config.of("paper") != Config()
    assert Config.of("paper").preset == "paper"


def test_arguments_win_over_environment_over_file_over_preset(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_text('preset = "paper"\n[learning]\nrate = 0.1\nfloor = 0.2\nceiling = 0.9\n')
    environ = {"HELAMEM_LEARNING_FLOOR": "0.3", "HELAMEM_LEARNING_CEILING": "0.8"}

    resolved = config.resolve(file, environ=environ, arguments={"learning.ceiling": 0.7})

    learning = resolved.config.learning
    assert (learning.rate, learning.floor, learning.ceiling) == (0.1, 0.3, 0.7)
    assert learning.gate == "returned"
    origins = [
        resolved.origins[f"learning.{name}"] for name in ("rate", "floor", "ceiling", "gate")
    ]
    assert origins == [str(file), "HELAMEM_LEARNING_FLOOR", "argument", "preset paper"]
    assert resolved.origins["spreading.fan_out"] == "preset paper"
    assert resolved.origins["cues.power"] == "default"


def test_the_file_of_the_data_folder_is_read_where_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("[selection]\nfacts = 0\n")

    assert Config.load(environ={"HELAMEM_HOME": str(tmp_path)}).selection.facts == 0


@pytest.mark.parametrize("name", list(config.names()))
def test_every_setting_is_described_and_has_a_variable(name: str) -> None:
    value = config.value_of(Config(), name)
    environ = {config.variable(name): str(value)}

    assert config.describe(name)
    assert config.value_of(Config.load(environ=environ), name) == value


@pytest.mark.parametrize(
    ("text", "expected"), [("true", True), ("OFF", False), ("1", True), ("no", False)]
)
def test_booleans_are_read_as_people_write_them(text: str, expected: bool) -> None:
    assert Config.load(environ={"HELAMEM_LEARNING_CUE": text}).learning.cue is expected


def test_infinity_may_be_written() -> None:
    found = Config.load(environ={"HELAMEM_ACTIVATION_RECENCY_DAYS": "inf"})

    assert found.activation.recency_days == math.inf


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"learning.rate": 2.0}, r"learning\.rate = 2\.0, but it must lie between 0 and 1"),
        ({"learning.rate": "fast"}, r"learning\.rate = 'fast' \(from argument\)"),
        ({"learning.rate": float("nan")}, "must lie between"),
        ({"activation.words": float("inf")}, "must lie between"),
        ({"activation.words": 1e300}, "must lie between"),
        ({"llm.timeout_s": "inf"}, "must lie between"),
        ({"candidates.nearest": 10**30}, "must lie between"),
        ({"learning.rate": True}, "must be of type float"),
        ({"learning.cue": "perhaps"}, "expected true or false"),
        ({"learning.gate": "open"}, "must be one of 'used', 'returned'"),
        ({"learning.speed": 1}, r"no setting 'learning\.speed' \(from argument\)"),
        ({"learning": {"rate": 1}}, r"is a section, so name a setting of it, as in 'learning\."),
        ({"nothing": 1}, r"no setting 'nothing' .*; `helamem config` lists them"),
        (
            {"selection.fact": 1},
            r"no setting 'selection\.fact' .*; did you mean `selection\.facts`\?",
        ),
        ({"selection.facts": "foo"}, r"selection\.facts = 'foo' .*: expected a whole number"),
        ({"selection.facts": "1.5"}, "expected a whole number"),
        ({"learning.rate": "quick"}, r"learning\.rate = 'quick' .*: expected a number"),
        ({"preset": "best"}, "no preset 'best'; there are default, paper"),
        ({"embedder": 7}, "embedder must be a string"),
        ({"cues.familiar_at": 0.8}, r"must not be above cues\.recognized_at, 0\.7"),
    ],
)
def test_what_is_wrong_is_named_with_what_would_be_right(
    settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        Config.load(environ={}, **settings)


def test_an_unknown_variable_of_ours_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match=r"HELAMEM_LERNING_RATE .*; did you mean `HELAMEM_LEARNING_RATE`\?"
    ):
        Config.load(environ={"HELAMEM_LERNING_RATE": "0.1", "PATH": "/bin"})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[learning\n", "is not TOML"),
        (b"\xff\xfe", "is not TOML"),
        (b"[learning]\nspeed = 1\n", r"no setting 'learning\.speed' \(from .*c\.toml\)"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(content)

    with pytest.raises(ConfigError, match=message):
        Config.load(file, environ={})


def test_a_file_may_begin_with_a_byte_order_mark(tmp_path: Path) -> None:
    file = tmp_path / "c.toml"
    file.write_bytes(b"\xef\xbb\xbf[learning]\r\nrate = 0.25\r\n")

    assert 0.25 == Config.load(file, environ={}).learning.rate


def test_a_file_that_is_not_there_is_an_error_only_if_it_was_named(tmp_path: Path) -> None:
    assert Config.load(environ={"HELAMEM_HOME": str(tmp_path)}) == Config()
    with pytest.raises(ConfigError, match="cannot be read"):
        Config.load(tmp_path / "absent.toml", environ={})


def test_the_settings_that_last_are_few_and_the_numbers_of_the_ranking_are_not_among_them() -> None:
    lasting = {name for name in config.names() if config.is_stable(name)}

    assert {"embedder", "learning.rate", "learning.decay", "storage.durability"} <= lasting
    assert not {name for name in lasting if name.startswith(("candidates", "spreading", "cues"))}
    assert len(lasting) <= 30
