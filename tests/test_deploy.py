"""What deploy/ calls is there, and what it says agrees with the program."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from helamem import Config
from helamem.cli import main
from helamem.cli.serve import GRACE_S

DEPLOY = Path(__file__).parents[1] / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
UNIT = (DEPLOY / "helamem.service").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICE = COMPOSE["services"]["helamem"]


def parsed(words: list[str]) -> dict[str, Any]:
    """The options of a command line of ours, as click reads them."""
    with click.Context(main, info_name="helamem") as root:
        name, command, rest = main.resolve_command(root, words)
        assert command is not None
        with command.make_context(name, rest, parent=root) as context:
            return dict(context.params)


@pytest.mark.parametrize(
    ("words", "host"),
    [
        (json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.M)[0]), "0.0.0.0"),
        (shlex.split(re.findall(r"^ExecStart=(.*)$", UNIT, re.M)[0])[1:], "127.0.0.1"),
    ],
)
def test_the_commands_are_ones_of_the_program(words: list[str], host: str) -> None:
    options = parsed(words)

    assert (host, 8420) == (options["host"], options["port"])


def test_the_port_is_the_same_everywhere() -> None:
    assert ["8420"] == re.findall(r"^EXPOSE (\d+)$", DOCKERFILE, re.M)
    assert "127.0.0.1:8420/readyz" in DOCKERFILE
    assert ["127.0.0.1:8420:8420"] == SERVICE["ports"]


def test_a_stop_waits_for_what_was_begun() -> None:
    compose = int(SERVICE["stop_grace_period"].removesuffix("s"))
    (unit,) = re.findall(r"^TimeoutStopSec=(\d+)$", UNIT, re.M)

    assert min(compose, int(unit)) > GRACE_S


def test_it_is_nobody_and_writes_to_its_folder_only() -> None:
    assert ["10001"] == re.findall(r"^USER (.*)$", DOCKERFILE, re.M)
    assert (True, ["ALL"]) == (SERVICE["read_only"], SERVICE["cap_drop"])
    assert ["memories:/data"] == SERVICE["volumes"]
    assert {"User=helamem", "ProtectSystem=strict", "NoNewPrivileges=yes"} <= set(UNIT.split("\n"))


def test_the_settings_come_from_a_file_that_can_be_read(tmp_path: Path) -> None:
    example = DEPLOY / "settings.toml.example"

    assert "/run/secrets/settings.toml" == SERVICE["environment"]["HELAMEM_CONFIG"]
    assert set(SERVICE["secrets"]) == set(COMPOSE["secrets"])
    assert Config.load(example, environ={}) == Config()


def test_the_image_is_built_from_what_is_there() -> None:
    root = DEPLOY.parent
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", DOCKERFILE, re.M)
    names = [name for line in copied for name in line.split()]
    ignore = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split("\n")

    assert (root / SERVICE["build"]["dockerfile"]).is_file()
    assert (DEPLOY / SERVICE["build"]["context"]).resolve() == root
    assert all((root / name).exists() and f"!{name.removeprefix('./')}" in ignore for name in names)
