"""Use a running service through mem0's own client, and check what comes back.

    helamem --file /tmp/mem0.db serve --port 8421
    python benchmarks/conformance/mem0_client.py http://127.0.0.1:8421/mem0

It needs mem0ai (tried with 2.2.1), which had better be in an environment of its own: it brings many packages.
Without a key on the server, any will do. The first call that does not do what it should ends it.
"""

from __future__ import annotations

import os
import sys
import uuid
from typing import Any

os.environ["MEM0_TELEMETRY"] = "False"  # it is read when mem0 is imported

from mem0 import MemoryClient
from mem0.exceptions import MemoryError as Mem0Error


def check(what: str, expected: object, actual: object) -> None:
    """End where something is not as it should be."""
    if expected != actual:
        sys.exit(f"{what}: {expected!r} was expected, but it is {actual!r}")
    print(f"{what}: as it should be")


def texts(listed: dict[str, Any]) -> list[str]:
    """What the memories of an answer say."""
    return [each["memory"] for each in listed["results"]]


def main(host: str, key: str = "none") -> None:
    """One call of each kind."""
    client = MemoryClient(api_key=key, host=host)
    ana = f"ana-{uuid.uuid4().hex[:8]}"
    whose = {"user_id": ana}
    said = [
        {"role": "user", "content": "I am allergic to peanuts."},
        {"role": "assistant", "content": "I will remember that."},
    ]
    added = client.add(said, user_id=ana, run_id="tea", metadata={"topic": "food"})["results"]
    check("add", ["ADD", "ADD"], [each["event"] for each in added])
    id_ = added[0]["id"]
    found = client.search("What am I allergic to?", filters=whose, top_k=1)
    check("search", ["I am allergic to peanuts."], texts(found))
    by_topic = {"AND": [whose, {"metadata": {"topic": "food"}}]}
    check("search with filters", 2, len(texts(client.search("peanuts", filters=by_topic))))
    page = client.get_all(filters=whose, page=1, page_size=1)
    check("get_all", (2, 1, True), (page["count"], len(page["results"]), bool(page["next"])))
    check(
        "get",
        ("I am allergic to peanuts.", ana),
        tuple(client.get(id_)[k] for k in ("memory", "user_id")),
    )
    check("feedback", "Feedback taken in", client.feedback(id_, feedback="POSITIVE")["message"])
    check(
        "update", "Peanuts make me ill.", client.update(id_, text="Peanuts make me ill.")["memory"]
    )
    check("history", ["ADD", "UPDATE"], [each["event"] for each in client.history(id_)])
    client.batch_update([{"memory_id": added[1]["id"], "text": "It is remembered."}])
    check("batch_update", "It is remembered.", client.get(added[1]["id"])["memory"])
    client.batch_delete([{"memory_id": added[1]["id"]}])
    check("batch_delete", ["Peanuts make me ill."], texts(client.get_all(filters=whose)))
    client.delete(id_)
    try:
        client.get(id_)
    except Mem0Error as error:
        check("delete", "MemoryNotFoundError", type(error).__name__)
    else:
        sys.exit("delete: the memory is still there")
    client.add("I like tea.", user_id=ana)
    client.delete_all(user_id=ana)
    check("delete_all", [], texts(client.get_all(filters=whose)))
    client.add("I like tea.", user_id=ana)
    check(
        "users", True, ("user", ana) in [(e["type"], e["name"]) for e in client.users()["results"]]
    )
    client.delete_users(user_id=ana)
    check("delete_users", False, ana in [each["name"] for each in client.users()["results"]])


if __name__ == "__main__":
    main(*sys.argv[1:])
