"""The page at /docs: every operation with its example, in one HTML file without scripts or anything from elsewhere."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from fastapi.responses import HTMLResponse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
summary { cursor: pointer; padding: .3rem 0; } code, pre { font-size: .9rem; }
pre { background: #8881; overflow: auto; padding: .6rem; white-space: pre-wrap; word-break: break-word; }
:root { color-scheme: light dark; }
"""


def install(app: FastAPI) -> None:
    """Answer /docs."""

    @app.get("/docs", include_in_schema=False)
    def docs() -> HTMLResponse:
        return HTMLResponse(page(app.openapi()), headers={"content-security-policy": POLICY})


def page(description: dict[str, Any]) -> str:
    """An OpenAPI description as HTML, operation by operation."""
    by_tag: dict[str, list[str]] = {}
    for path, operations in description["paths"].items():
        for method, operation in operations.items():
            shown = "\n".join(_operation(method.upper(), path, operation))
            by_tag.setdefault(operation["tags"][-1], []).append(shown)
    parts = [f"<h2>{escape(tag)}</h2>\n" + "\n".join(each) for tag, each in by_tag.items()]
    title = escape(description["info"]["title"])
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title>\n'
        f"<style>{STYLE}</style>\n<h1>{title}</h1>\n<p>{escape(description['info']['summary'])}\n"
        f'<p><a href="openapi.json">openapi.json</a> describes the same for programs.\n'
        f"{chr(10).join(parts)}\n</html>\n"
    )


def _operation(method: str, path: str, operation: dict[str, Any]) -> Iterator[str]:
    says = escape(operation.get("description", ""))
    yield f"<details><summary><code>{method} {escape(path)}</code><br>{says}</summary>"
    yield f"<pre>{escape(_curl(method, path, operation))}</pre>"
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            for content in answer.get("content", {}).values():
                yield f"<p>{status}\n<pre>{escape(_text(content.get('example')))}</pre>"
    yield "</details>"


def _curl(method: str, path: str, operation: dict[str, Any]) -> str:
    """The example's request as a command."""
    query = {}
    for parameter in operation.get("parameters", ()):
        example = parameter.get("example")
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(str(example), safe=""))
        elif example is not None:
            query[parameter["name"]] = str(example).lower() if example is False else example
    line = f"curl -X {method} 'http://localhost:8420{path}{'?' if query else ''}{urlencode(query)}'"
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        body = content.get("example")
        data = (body if isinstance(body, str) else json.dumps(body)).replace("'", "'\\''")
        line += f" \\\n  -H 'content-type: {kind}' --data-binary '{data}'"
    return line


def _text(example: object) -> str:
    return example if isinstance(example, str) else json.dumps(example, indent=2)
