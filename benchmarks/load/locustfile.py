"""What one client of the service does: it adds turns, searches, says what served, and looks around.

It is started by `run.py`, which says in the environment how many namespaces there are and where to write down what was
acknowledged.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

from locust import FastHttpUser, constant, events, task

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

stored: Counter[str] = Counter()  # turns by namespace
used: Counter[str] = Counter()  # uses by namespace


class Agent(FastHttpUser):
    """An agent that serves many people: every request is about another namespace."""

    wait_time = constant(0)  # a client asks again as soon as it has been answered

    def on_start(self) -> None:
        """Draw what is done from a seed of this client's own."""
        self.draw = random.Random(id(self))
        self.n = 0

    def at(self, rest: str) -> tuple[str, str]:
        """A namespace, and the address of something in it."""
        name = f"user-{self.draw.randrange(NAMESPACES)}"
        return name, f"/v1/namespaces/{name}/{rest}"

    @task(3)
    def add(self) -> None:
        """An exchange: two turns in one request."""
        name, url = self.at("episodes")
        self.n += 1
        turns = [{"role": role, "content": self.said()} for role in ("user", "assistant")]
        body = {"messages": turns, "session": f"{id(self)}-{self.n}"}
        with self.client.post(url, json=body, name="add two turns", catch_response=True) as answer:
            if answer.status_code == 201:
                stored[name] += len(answer.json()["stored"])

    @task(6)
    def search(self) -> None:
        """A question."""
        _, url = self.at("search")
        self.client.post(url, json={"query": self.draw.choice(QUESTIONS)}, name="search")

    @task(2)
    def learn(self) -> None:
        """A question, and what of its answer served."""
        name, url = self.at("search")
        found = self.client.post(url, json={"query": self.draw.choice(QUESTIONS)}, name="search")
        hits = found.json().get("hits", []) if found.status_code == 200 else []
        if not hits:
            return
        body: dict[str, Any] = {"recall": found.json(), "used": [hit["id"] for hit in hits[:2]]}
        url = f"/v1/namespaces/{name}/reinforce"
        with self.client.post(url, json=body, name="reinforce", catch_response=True) as answer:
            if answer.status_code == 200:
                used[name] += len(body["used"])

    @task(1)
    def block(self) -> None:
        """A block for a prompt."""
        _, url = self.at("context")
        self.client.post(url, json={"query": self.draw.choice(QUESTIONS)}, name="context")

    @task(1)
    def look(self) -> None:
        """A page of memories."""
        _, url = self.at("episodes?limit=20")
        self.client.get(url, name="list 20")

    def said(self) -> str:
        """A sentence."""
        words = (self.draw.choice(each) for each in (PEOPLE, DEEDS, PLACES))
        return f"{' '.join(words)}, {self.draw.randrange(10**6)} times."


@events.test_stop.add_listener
def write_down(**_: object) -> None:
    """What was acknowledged, for the comparison with what is in the file."""
    ACKNOWLEDGED.write_text(json.dumps({"stored": stored, "used": used}), encoding="utf-8")
