"""Shows an example with every operation of the OpenAPI description: the request, and what answered it.

The examples are in a file that `scripts/examples.py` writes from the answers of a service.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fastapi import FastAPI

FILE = Path(__file__).with_name("examples.json")


def install(app: FastAPI) -> None:
    """Put the examples into the description of a service when it is first asked for."""
    described = app.openapi

    def with_examples() -> dict[str, Any]:
        if app.openapi_schema is None:
            fill(described(), json.loads(FILE.read_text(encoding="utf-8")))
        return described()

    app.openapi = with_examples  # type: ignore[method-assign]  # as FastAPI says to do it


def fill(description: dict[str, Any], examples: dict[str, dict[str, Any]]) -> None:
    """Put examples into a description.

    Args:
        examples: By operation, such as "GET /healthz": its `parameters` by name, its `answer`, and its
            `request` if it takes a body.
    """
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            example = examples.get(f"{method.upper()} {path}")
            if example is not None:
                _fill_one(operation, example)


def _fill_one(operation: dict[str, Any], example: dict[str, Any]) -> None:
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in example["parameters"]:
            parameter["example"] = example["parameters"][parameter["name"]]
    if "request" in example:
        _show(operation["requestBody"], example["request"])
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            _show(answer, example["answer"])


def _show(body: dict[str, Any], example: object) -> None:
    for content in body["content"].values():
        content["example"] = example
