"""How often does a hook tell what a prompt is about, and how often something where nothing is relevant?

    python benchmarks/hooks/run.py

Hooks store what was said in a made-up project (`cases.py`): all of it, or one session of three exchanges only. Then
each prompt opens a session of its own, with several least confidences. The output is JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from cases import CONCERNED, NEAR, OTHERS, SESSIONS

from helamem import Config, Memory
from helamem.agents import hooks
from helamem.agents.sessions import Sessions
from helamem.models import embedders

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cases import Asked

LEASTS = (0.0, 0.3, 0.4, 0.5)


class Project:
    """A memory with the hooks of its host."""

    def __init__(self, sessions: Sequence[Sequence[tuple[str, str]]], folder: Path) -> None:
        embedder = embedders.load(Config().embedder)
        self._memory = Memory(":memory:", config=Config(), embedder=embedder)
        self._hooks = hooks.Hooks(self._memory, Sessions(folder))
        for i, session in enumerate(sessions):
            for prompt, reply in session:
                self._run("prompt", i, prompt=prompt)
                self._run("stop", i, last_assistant_message=reply)

    def told(self, prompt: str) -> str:
        """What the hook tells about a prompt, which is not answered."""
        session = f"{hooks.MIN_CONFIDENCE} {prompt}"  # nothing is told twice in a session
        answer = self._run("prompt", session, prompt=prompt)
        return answer["hookSpecificOutput"]["additionalContext"] if answer else ""

    def _run(self, event: str, session: object, **given: str) -> Any:  # noqa: ANN401
        return self._hooks.run(event, {"session_id": str(session), **given})


def tells(project: Project, asked: Asked) -> bool:
    """Whether the hook tells what a prompt is about, or anything where it is about nothing."""
    told = project.told(asked.prompt)
    return any(words in told for words in asked.about) if asked.about else bool(told)


def measured(projects: Sequence[tuple[Project, Sequence[Asked]]], least: float) -> dict[str, Any]:
    """How many prompts of each kind were told something, of how many."""
    hooks.MIN_CONFIDENCE = least
    kinds = {"told_what_it_is_about": CONCERNED, "told_other": OTHERS, "told_near": NEAR}
    found: dict[str, Any] = {"least": least}
    for name, kind in kinds.items():
        answers = [
            tells(project, each)
            for project, about in projects
            for each in kind
            if not each.about or each in about
        ]
        found[name] = [sum(answers), len(answers)]
    return found


def main() -> None:
    """Measure, and print."""
    with TemporaryDirectory(prefix="helamem-hooks-") as folder:
        whole = [(Project(SESSIONS, Path(folder, "whole")), CONCERNED)]
        young = [
            (Project([session], Path(folder, str(i))), about_one_of(session))
            for i, session in enumerate(SESSIONS)
        ]
        found = {
            "all sessions": [measured(whole, least) for least in LEASTS],
            "one session": [measured(young, least) for least in LEASTS],
        }
    print(json.dumps(found, indent=1))


def about_one_of(session: Sequence[tuple[str, str]]) -> list[Asked]:
    """The prompts that a session is about."""
    text = json.dumps(session, ensure_ascii=False)
    return [each for each in CONCERNED if any(words in text for words in each.about)]


if __name__ == "__main__":
    main()
