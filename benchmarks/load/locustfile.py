"""What one client of the service does: it adds turns, searches, says what served, and looks around.

It is started by `run.py`, which says in the environment where the services are, how many namespaces there are, and
where to write down what was acknowledged and what failed when.
"""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from locust import FastHttpUser, constant, events, task

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICES = os.environ["LOAD_SERVICES"].split()
NAMESPACES = int(os.environ["LOAD_NAMESPACES"])
ACKNOWLEDGED = Path(os.environ["LOAD_ACKNOWLEDGED"])
PEOPLE = ("Maya", "Ana", "Jonas", "Ines")
DEEDS = ("keeps three hens", "is allergic to peanuts", "bought a bicycle", "plays the cello")
PLACES = ("in Lisbon", "behind the house", "at the harbour", "on the ferry", "in the orchestra")
QUESTIONS = (
    "Who keeps hens?",
    "What is Maya allergic to?",
    "Where is the cello?",
    "Who has been in Lisbon?",
)

AVOIDED_S = 1.0
TOLD = 503  # the status of a StoreError: the service cannot reach its database

stored: Counter[str] = Counter()  # turns by namespace
used: Counter[str] = Counter()  # uses by namespace
failed: list[
    dict[str, Any]
] = []  # each with when it began and ended, by which service, and what was said


class Agent(FastHttpUser):
    """An agent that serves many people: every request is about another namespace, and goes to any service."""

    wait_time = constant(0)  # a client asks again as soon as it has been answered
    host = SERVICES[0]

    def on_start(self) -> None:
        """Draw what is done from a seed of this client's own."""
        self.draw = random.Random(id(self))
        self.n = 0
        self.silent: dict[str, float] = {}  # services that did not answer, and when

    @contextmanager
    def asked(self, what: str, namespace: str, rest: str, body: object = None) -> Iterator[Any]:
        """The answer to a request, or None where it failed."""
        began = time.time()
        service = self.draw.choice(self.answering(began))
        with self.client.request(
            "GET" if body is None else "POST",
            f"{service}/v1/namespaces/{namespace}/{rest}",
            json=body,
            name=what,
            catch_response=True,
        ) as answer:
            if answer.status_code in (200, 201):
                yield answer.json()
                return
            said = (answer.text or str(answer.error))[:300]
            span = {"began": began, "ended": time.time(), "service": service}
            failed.append({**span, "status": answer.status_code, "said": said, "what": what})
            if answer.status_code == 0:
                self.silent[service] = began
            answer.failure("told" if answer.status_code == TOLD else f"status {answer.status_code}")
        yield None

    def answering(self, now: float) -> list[str]:
        """The services that have not just failed to answer, as a proxy in front of them chooses; or all."""
        return [
            each for each in SERVICES if now - self.silent.get(each, 0.0) > AVOIDED_S
        ] or SERVICES

    def somebody(self) -> str:
        """A namespace."""
        return f"user-{self.draw.randrange(NAMESPACES)}"

    def question(self) -> dict[str, str]:
        """The body of a search."""
        return {"query": self.draw.choice(QUESTIONS)}

    @task(3)
    def add(self) -> None:
        """An exchange: two turns in one request."""
        name = self.somebody()
        self.n += 1
        turns = [{"role": role, "content": self.said()} for role in ("user", "assistant")]
        body = {"messages": turns, "session": f"{id(self)}-{self.n}"}
        with self.asked("add two turns", name, "episodes", body) as answer:
            if answer:
                stored[name] += len(answer["stored"])

    @task(6)
    def search(self) -> None:
        """A question."""
        with self.asked("search", self.somebody(), "search", self.question()):
            pass

    @task(2)
    def learn(self) -> None:
        """A question, and what of its answer served."""
        name = self.somebody()
        with self.asked("search", name, "search", self.question()) as found:
            hits = found["hits"] if found else []
        if not hits:
            return
        body = {"recall": found, "used": [hit["id"] for hit in hits[:2]]}
        with self.asked("reinforce", name, "reinforce", body) as answer:
            if answer:
                used[name] += len(body["used"])

    @task(1)
    def block(self) -> None:
        """A block for a prompt."""
        with self.asked("context", self.somebody(), "context", self.question()):
            pass

    @task(1)
    def look(self) -> None:
        """A page of memories."""
        with self.asked("list 20", self.somebody(), "episodes?limit=20"):
            pass

    def said(self) -> str:
        """A sentence."""
        words = (self.draw.choice(each) for each in (PEOPLE, DEEDS, PLACES))
        return f"{' '.join(words)}, {self.draw.randrange(10**6)} times."


@events.test_stop.add_listener
def write_down(**_: object) -> None:
    """What was acknowledged, for the comparison with what is stored, and what failed."""
    kept = {"stored": stored, "used": used, "failed": failed}
    ACKNOWLEDGED.write_text(json.dumps(kept), encoding="utf-8")
