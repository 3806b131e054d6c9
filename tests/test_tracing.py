"""Spans where OpenTelemetry is in use, and nothing where it is not."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from helamem import Config, Memory, ScriptedLLM, tracing
from helamem.models.metering import Meter
from helamem.protocols import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SECRET = "peanuts"


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """What has been exported; the provider is the process's own for the test only."""
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield kept
    provider.shutdown()


@pytest.fixture
def memory() -> Iterator[Memory]:
    with Memory(":memory:", config=Config.of(embedder="hashing:64")) as opened:
        yield opened


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    return {span.name: span for span in exporter.get_finished_spans()}


def above(span: ReadableSpan, spans: dict[str, ReadableSpan]) -> str | None:
    """The name of the span that a span is part of."""
    if span.parent is None:
        return None
    return next(n for n, each in spans.items() if each.context.span_id == span.parent.span_id)


def said(spans: dict[str, ReadableSpan]) -> str:
    """Everything that the spans say."""
    return "".join(span.to_json() for span in spans.values())


def test_the_steps_of_a_search_are_parts_of_it(
    exporter: InMemorySpanExporter, memory: Memory
) -> None:
    memory.add(f"Maya is allergic to {SECRET}.")
    recall = memory.search(f"What of {SECRET}?", k=3)

    spans = by_name(exporter)
    steps = [f"helamem.search.{step}" for step in recall.milliseconds]
    assert steps
    assert {"helamem.search"} == {above(spans[step], spans) for step in steps}
    assert {"k": 3, "hits": 1, "confidence": recall.confidence} == spans[
        "helamem.search"
    ].attributes
    assert spans[steps[0]].end_time == spans[steps[1]].start_time


def test_every_use_case_has_a_span(exporter: InMemorySpanExporter, memory: Memory) -> None:
    memory.add([f"Maya is allergic to {SECRET}.", "The gate needs a lock."])
    memory.reinforce(memory.search(SECRET), used=[1])
    memory.consolidate(llm=False)
    memory.forget()
    memory.reindex()
    reply: dict[str, Any] = {"citations": [1], "answer": f"No {SECRET}."}
    memory.ask(f"What of {SECRET}?", llm=ScriptedLLM([reply]), min_confidence=0)

    spans = by_name(exporter)
    assert {f"helamem.{name}" for name in (
        "add", "add.embed", "add.store", "search", "reinforce", "consolidate", "forget", "reindex", "ask", "model",
    )} <= set(spans)  # fmt: skip
    assert "helamem.add" == above(spans["helamem.add.store"], spans)
    assert "helamem.ask" == above(spans["helamem.model"], spans)
    assert SECRET not in said(spans)


def test_a_stream_has_a_span_and_leaves_the_callers_context_alone(
    exporter: InMemorySpanExporter,
) -> None:
    meter = Meter(ScriptedLLM([f"No {SECRET}.", f"No {SECRET}."]))
    ask = Request([{"role": "user", "content": SECRET}])
    with tracing.span("chat"):
        outer = trace.get_current_span()
        stream = meter.stream(ask)
        next(stream)
        assert outer is trace.get_current_span()
        list(stream)
        half = meter.stream(ask)
        next(half)
        half.close()

    spans = exporter.get_finished_spans()
    assert ["helamem.model", "helamem.model", "helamem.chat"] == [each.name for each in spans]
    assert [spans[2].context.span_id] * 2 == [
        each.parent.span_id for each in spans[:2] if each.parent
    ]
    assert {"prompt_tokens": 2, "completion_tokens": 3} == spans[0].attributes
    assert SECRET not in said({each.name: each for each in spans})


def test_an_error_is_told_by_its_kind_alone(exporter: InMemorySpanExporter) -> None:
    with pytest.raises(ValueError, match=SECRET), tracing.span("add"):
        raise ValueError(f"{SECRET} cannot be kept")

    spans = by_name(exporter)
    assert {"error.type": "ValueError"} == spans["helamem.add"].attributes
    assert not spans["helamem.add"].status.is_ok
    assert SECRET not in said(spans)


def test_a_request_is_named_by_its_route_and_joins_its_caller(
    exporter: InMemorySpanExporter, tmp_path: Path
) -> None:
    testclient = pytest.importorskip("fastapi.testclient")
    from helamem.server.app import create_app
    from helamem.server.memories import Memories

    service = create_app(Memories(tmp_path / "served.db", Config.of(embedder="hashing:64")))
    caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with testclient.TestClient(service) as client:
        url = "/v1/namespaces/ana/search"
        client.post(url, json={"query": SECRET}, headers={"traceparent": caller})

    spans = by_name(exporter)
    name = "POST /v1/namespaces/{namespace}/search"
    expected: dict[str, Any] = {
        "http.request.method": "POST",
        "http.route": "/v1/namespaces/{namespace}/search",
        "http.response.status_code": 200,
    }
    assert expected == spans[name].attributes
    parent = spans[name].parent
    assert parent is not None
    assert "b7ad6b7169203331" == f"{parent.span_id:016x}"
    assert name == above(spans["helamem.search"], spans)
    assert SECRET not in said(spans)
    assert "ana" not in said(spans).replace("namespace", "")


def test_a_process_that_does_not_use_it_does_not_load_it() -> None:
    code = (
        "import sys\n"
        "from helamem import Memory\n"
        "Memory(':memory:').search('anything')\n"
        "sys.exit('opentelemetry' in sys.modules)"
    )

    assert 0 == subprocess.run([sys.executable, "-c", code], check=False).returncode
