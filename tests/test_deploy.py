"""What deploy/ calls is there, and what it says agrees with the program."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
import yaml

from helamem import Config, Memory
from helamem.cli import main
from helamem.cli.serve import GRACE_S
from helamem.models.embedders import HashingEmbedder

if TYPE_CHECKING:
    from postgres_server import Server

DEPLOY = Path(__file__).parents[1] / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
UNIT = (DEPLOY / "helamem.service").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
SERVICE = COMPOSE["services"]["helamem"]
ON_DATABASE: dict[str, Any] = yaml.safe_load(
    (DEPLOY / "compose.database.yaml").read_text(encoding="utf-8")
)
WORKER, DATABASE = (ON_DATABASE["services"][name] for name in ("worker", "database"))


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


class TestDatabase:
    def test_service_and_worker_use_the_same_one(self) -> None:
        parts = [ON_DATABASE["services"]["helamem"], WORKER]

        assert {"postgresql://helamem@database/memories"} == {
            each["environment"]["HELAMEM_FILE"] for each in parts
        }
        assert {"database"} == {key for each in parts for key in each["depends_on"]}
        assert "CREATE ROLE helamem LOGIN" in MAKING
        assert "CREATE DATABASE memories OWNER helamem" in MAKING

    def test_the_worker_is_a_command_of_the_program(self) -> None:
        assert not parsed(WORKER["command"])["once"]
        assert WORKER["build"] == SERVICE["build"]

    def test_the_image_has_what_they_need(self) -> None:
        [extras] = re.findall(r"'\.\[(.*)\]'", DOCKERFILE)

        assert {"server", "postgres", "worker"} <= set(extras.split(","))

    def test_the_extension_is_new_enough(self) -> None:
        from helamem.stores.postgres.schema import OLDEST_PGVECTOR, OLDEST_SERVER

        image, version, server = re.split(":|-pg", DATABASE["image"])

        assert "pgvector/pgvector" == image
        assert tuple(map(int, version.split("."))) >= OLDEST_PGVECTOR
        assert int(server) >= OLDEST_SERVER

    def test_secrets_are_files_that_git_ignores(self) -> None:
        ignored = (DEPLOY.parent / ".gitignore").read_text(encoding="utf-8").split("\n")
        secrets = {**COMPOSE["secrets"], **ON_DATABASE["secrets"]}
        wanted = {
            name for each in (SERVICE, WORKER, DATABASE, ON_DATABASE["services"]["helamem"])
            for name in each["secrets"]
        }  # fmt: skip

        assert wanted == set(secrets)
        assert all(
            f"deploy/{each['file'].removeprefix('./')}" in ignored for each in secrets.values()
        )

    def test_they_write_to_their_volumes_only(self) -> None:
        for each in (WORKER, DATABASE):
            assert (True, ["ALL"]) == (each["read_only"], each["cap_drop"])

    def test_only_the_service_can_be_reached(self) -> None:
        assert "ports" not in WORKER
        assert "ports" not in DATABASE

    @pytest.mark.slow  # it needs a database server
    def test_the_script_makes_a_database_that_helamem_takes(
        self, server: Server, tmp_path: Path
    ) -> None:
        program = server.binaries / "psql"
        password = tmp_path / "password"
        password.write_text("it's secret", encoding="utf-8")
        script = MAKING.replace("memories", "deployed").replace(
            "psql ", f"{program} --host {server.folder} ", 1
        )
        script = script.replace("/run/secrets/database-password", str(password))
        try:
            subprocess.run(
                ["sh"], input=script, env={**os.environ, "POSTGRES_USER": "postgres"},
                text=True, check=True, capture_output=True,
            )  # fmt: skip
            with Memory(
                server.url("deployed", "helamem"), config=Config(), embedder=HashingEmbedder(64)
            ) as memory:
                assert memory.add("Maya is allergic to peanuts.").ids
            [(is_super,)] = server.execute(
                "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = 'helamem'"
            )
            assert not is_super
        finally:
            server.execute("DROP DATABASE deployed", "DROP ROLE helamem")


MAKING = (DEPLOY / "database.sh").read_text(encoding="utf-8")
