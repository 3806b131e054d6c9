"""Files of LongMemEval's published shape, of any size, with words that mean nothing."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = (
    "single-session-user",
    "single-session-assistant",
    "single-session-preference",
    "multi-session",
    "temporal-reasoning",
    "knowledge-update",
)
SYLLABLES = ("ka", "lo", "mi", "ren", "tu", "sa", "vol", "ni", "ber", "dos", "pe", "gha")


def write(
    file: Path, *, questions: int, sessions: int = 4, turns: int = 6, words: int = 12, seed: int = 0
) -> Path:
    """Write a file.

    Args:
        sessions: How many a history has.
        turns: How many a session has.
        words: How many a turn of the user has, about; the assistant says six times as many.
    """
    rng = np.random.default_rng(seed)
    with file.open("w", encoding="utf-8") as out:
        for n in range(questions):
            out.write("[\n" if n == 0 else ",\n")
            out.write(json.dumps(question(n, rng, sessions, turns, words), indent=1))
        out.write("\n]\n")
    return file


def question(
    n: int, rng: np.random.Generator, sessions: int, turns: int, words: int
) -> dict[str, Any]:
    """One question with its history; every tenth is an abstention, and every seventh's answer a number."""
    kind = KINDS[n % len(KINDS)]
    name = f"q{n:04d}{'_abs' if n % 10 == 9 else ''}"
    wanted = sorted({n % sessions, (n + sessions // 2) % sessions} if n % 2 else {n % sessions})
    told = f"{_words(rng, 2)} {n}"
    ids = [
        f"answer_{name}_{i}" if i in wanted else f"filler_{rng.integers(1_000_000)}"
        for i in range(sessions)
    ]
    start = datetime(2023, 1, 1, 9, tzinfo=UTC)
    return {
        "question_id": name,
        "question_type": kind,
        "question": f"What did I say about {told}?",
        "answer": n if n % 7 == 0 else f"the {_words(rng, 2)}",
        "question_date": _date(start + timedelta(days=sessions + 1)),
        "haystack_dates": [_date(start + timedelta(days=i)) for i in range(sessions)],
        "haystack_session_ids": ids,
        "haystack_sessions": [
            list(_session(rng, turns, words, told if i in wanted else "")) for i in range(sessions)
        ],
        "answer_session_ids": [ids[i] for i in wanted],
    }


def _session(
    rng: np.random.Generator, turns: int, words: int, told: str
) -> Iterator[dict[str, Any]]:
    for n in range(turns):
        spoken: dict[str, Any] = {
            "role": "assistant" if n % 2 else "user",
            "content": _words(rng, words * 6 if n % 2 else words),
        }
        if told:  # only sessions that answer are marked, as in the published files
            spoken |= {"has_answer": n == 0}
            spoken["content"] = (
                f"About {told}: {spoken['content']}" if n == 0 else spoken["content"]
            )
        yield spoken


def _words(rng: np.random.Generator, n: int) -> str:
    """Words of which a few are frequent and most are rare."""
    numbers = np.minimum(rng.zipf(1.3, n), 20_000)
    return " ".join(
        "".join(SYLLABLES[int(number) // 12**i % 12] for i in range(1 + len(str(number)) // 2))
        for number in numbers
    )


def _date(moment: datetime) -> str:
    return moment.strftime("%Y/%m/%d (%a) %H:%M")
