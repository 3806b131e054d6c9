"""A-MEM without its language model: keywords, context and tags are given, and no memory evolves.

The keyword is the speaker, context and tag are `chat`; it embeds them with the text, and has vectors alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import common
from agentic_memory.memory_system import AgenticMemorySystem

if TYPE_CHECKING:
    from pathlib import Path


class NoModel:
    """Answers every request of A-MEM with no change."""

    def get_completion(self, *arguments: Any, **settings: Any) -> str:  # noqa: ANN401, ARG002
        """A reply that changes nothing."""
        return '{"should_evolve": false, "actions": []}'


class AMem:
    """A-MEM's notes."""

    package = "a-mem"

    def __init__(self, folder: Path, model: str) -> None:  # noqa: ARG002  # it keeps nothing on disk
        self._memory = AgenticMemorySystem(
            model_name=model, llm_backend="openai", llm_model="none", api_key="unused"
        )
        self._memory.llm_controller.llm = NoModel()
        self._turns: dict[str, str] = {}

    def add(self, turns: list[dict[str, str]]) -> None:
        """One note a turn."""
        for turn in turns:
            stamp = turn["at"][:16].replace("-", "").replace("T", "").replace(":", "")
            id_ = self._memory.add_note(
                turn["text"], time=stamp, keywords=[turn["speaker"]], context="chat", tags=["chat"]
            )
            self._turns[id_] = turn["id"]

    def search(self, question: str, k: int) -> list[str]:
        """The ids of turns, best first."""
        if not self._turns:
            return []
        found = self._memory.search_agentic(question, k=k)
        return [self._turns[each["id"]] for each in found if each["id"] in self._turns]


if __name__ == "__main__":
    common.main(AMem)
