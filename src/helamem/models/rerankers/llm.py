"""A language model that orders memories by how well they answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from helamem.models import prompts, schemas
from helamem.protocols import Request

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from helamem.protocols import LLM, Floats, Message
    from helamem.records import Json

SCHEMA: Mapping[str, Json] = {
    "type": "object",
    "properties": {"ids": {"type": "array", "items": {"type": "integer"}}},
    "required": ["ids"],
    "additionalProperties": False,
}


class LLMReranker:
    """Asks a language model for the best order; one call per search."""

    def __init__(self, llm: LLM) -> None:
        self._llm = llm
        self.name = f"llm/{llm.name}"

    def scores(self, question: str, texts: Sequence[str]) -> Floats:
        """One score per text, shape (n,): n for the best, n - 1 for the next, 0 for those that do not help.

        Raises:
            LLMError: The model failed, or answered in another form.
        """
        found = np.zeros(len(texts), np.float32)
        if not texts:
            return found
        reply = self._llm.complete(Request(_messages(question, texts), schema=SCHEMA))
        for place, number in enumerate(_numbers(reply.data, len(texts))):
            found[number - 1] = len(texts) - place
        return found


def _messages(question: str, texts: Sequence[str]) -> list[Message]:
    rows: list[Mapping[str, Json]] = [
        {"id": number, "text": text} for number, text in enumerate(texts, start=1)
    ]
    asked = prompts.quoted("question", [{"text": question}])
    return [
        {"role": "system", "content": prompts.RERANK},
        {"role": "user", "content": f"{prompts.quoted('memories', rows)}\n{asked}"},
    ]


def _numbers(data: Json, most: int) -> list[int]:
    """The ids that exist, in the model's order, each once."""
    items, _ = schemas.fitting_items(data, SCHEMA, "ids")
    numbers = dict.fromkeys(int(each) for each in items if isinstance(each, int | float))
    return [each for each in numbers if 1 <= each <= most]
