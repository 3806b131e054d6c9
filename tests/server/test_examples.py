"""Every operation of the OpenAPI description has an example, which fits its schema and is what a service answers."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from helamem import Config
from helamem.server.app import create_app
from helamem.server.examples import FILE
from helamem.server.memories import Memories

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPT = Path(__file__).parents[2] / "scripts" / "examples.py"
WRITTEN = (
    "run: python scripts/examples.py (it tells a story, to which a new operation has to be added)"
)


@pytest.fixture(scope="module")
def description(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    file = tmp_path_factory.mktemp("served") / "served.db"
    return create_app(Memories(file, Config.of(embedder="hashing:64"))).openapi()


def operations(description: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, each in description["paths"].items():
        yield from ((f"{method.upper()} {path}", operation) for method, operation in each.items())


def bodies(operation: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """What an operation takes, and what it answers if all is well, by media type."""
    yield from operation.get("requestBody", {}).get("content", {}).items()
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield from answer["content"].items()


def shape(value: Any) -> Any:
    """What can be relied on of an answer: its members and their types."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    if isinstance(value, list):
        return [shape(each) for each in value[:1]]
    return "number" if type(value) in (int, float) else type(value).__name__


def test_every_operation_has_an_example(description: dict[str, Any]) -> None:
    lacking = [
        name
        for name, operation in operations(description)
        if not all("example" in body for _, body in bodies(operation))
    ]

    assert [] == lacking, WRITTEN


def checked(operation: dict[str, Any]) -> Iterator[tuple[dict[str, Any], object]]:
    """Schemas, and what has to fit them: of a stream of events each event."""
    for parameter in operation.get("parameters", ()):
        if "example" in parameter:
            yield parameter["schema"], parameter["example"]
    for kind, body in bodies(operation):
        if kind == "text/event-stream":
            yield from ((body["schema"], event) for event in events(body["example"]))
        else:
            yield body["schema"], body["example"]


def events(text: str) -> list[dict[str, str]]:
    """Server-sent events, by their fields."""
    blocks = text.strip().split("\n\n")
    return [dict(line.split(": ", 1) for line in block.split("\n")) for block in blocks]


def test_every_example_fits_its_schema(description: dict[str, Any]) -> None:
    rest = {"components": description["components"]}
    wrong = [
        f"{name}: {error.message}"
        for name, operation in operations(description)
        for schema, example in checked(operation)
        for error in Draft202012Validator({**schema, **rest}).iter_errors(example)
    ]

    assert [] == wrong


def test_the_examples_are_what_a_service_answers() -> None:
    spec = importlib.util.spec_from_file_location("examples", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)

    assert shape(script.told()) == shape(json.loads(FILE.read_text(encoding="utf-8"))), WRITTEN
