"""The plugins' files have the fields that the hosts document, and start commands that there are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
import pytest

from helamem.agents.hooks import EVENTS
from helamem.cli import main

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
HOSTS = {"claude-code": ".claude-plugin", "codex": ".codex-plugin"}
# Of plugin.json; only the name is required. A default folder's key would make the host ignore the folder.
MANIFEST: dict[str, Any] = {
    "name": str,
    "version": str,
    "description": str,
    "author": dict,
    "homepage": str,
    "repository": str,
    "license": str,
    "keywords": list,
}
GROUP: dict[str, Any] = {"matcher": str, "hooks": list}
# No hook is asynchronous: `claude -p` ends such a hook when the reply is there, before anything is remembered.
HOOK: dict[str, Any] = {"type": str, "command": str, "args": list, "timeout": int}
SERVER: dict[str, Any] = {"command": str, "args": list}
MARKET: dict[str, Any] = {"name": str, "description": str, "owner": dict, "plugins": list}
LISTED: dict[str, Any] = {"name": str, "source": str, "version": str, "description": str}
HOST_EVENTS = {
    "SessionStart": "session-start",
    "UserPromptSubmit": "prompt",
    "Stop": "stop",
    "PreCompact": "pre-compact",
}


def read(*path: str) -> Any:
    return json.loads(PLUGINS.joinpath(*path).read_text(encoding="utf-8"))


def check(data: dict[str, Any], fields: dict[str, Any]) -> None:
    for name, value in data.items():
        assert name in fields
        assert type(value) is fields[name], name


def words(hook: dict[str, Any]) -> list[str]:
    """The command with its arguments: in exec form, or as a shell takes it."""
    return [hook["command"], *hook["args"]] if "args" in hook else hook["command"].split()


@pytest.mark.parametrize("host", HOSTS)
class TestPlugin:
    def test_manifest(self, host: str) -> None:
        manifest = read(host, HOSTS[host], "plugin.json")

        check(manifest, MANIFEST)
        assert "helamem" == manifest["name"]

    def test_hooks(self, host: str) -> None:
        events = read(host, "hooks", "hooks.json")

        assert {"hooks"} == events.keys()
        assert set(HOST_EVENTS) == events["hooks"].keys()
        for event, groups in events["hooks"].items():
            for group in groups:
                check(group, GROUP)
                for hook in group["hooks"]:
                    check(hook, HOOK)
                    assert "command" == hook["type"]
                    assert ["helamem", "hook", HOST_EVENTS[event]] == words(hook)
                    assert HOST_EVENTS[event] in EVENTS

    def test_server(self, host: str) -> None:
        (server,) = read(host, ".mcp.json")["mcpServers"].values()

        check(server, SERVER)
        assert "helamem" == server["command"]
        command, *arguments = server["args"]
        found = main.get_command(click.Context(main), command)
        assert found is not None
        found.make_context(command, arguments)


def test_claude_code_starts_hooks_without_a_shell() -> None:
    hooks = read("claude-code", "hooks", "hooks.json")["hooks"]

    assert all(
        "args" in each for groups in hooks.values() for group in groups for each in group["hooks"]
    )


def test_the_marketplace_of_claude_code_leads_to_its_plugin() -> None:
    market = json.loads((ROOT / ".claude-plugin" / "marketplace.json").read_text(encoding="utf-8"))

    check(market, MARKET)
    (plugin,) = market["plugins"]
    check(plugin, LISTED)
    assert (ROOT / plugin["source"] / ".claude-plugin" / "plugin.json").exists()


def test_the_marketplace_of_codex_leads_to_its_plugin() -> None:
    path = ROOT / ".agents" / "plugins" / "marketplace.json"
    market = json.loads(path.read_text(encoding="utf-8"))

    (plugin,) = market["plugins"]
    assert "local" == plugin["source"]["source"]
    assert (ROOT / plugin["source"]["path"] / ".codex-plugin" / "plugin.json").exists()
