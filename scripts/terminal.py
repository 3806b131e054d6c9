"""Draw what a terminal shows when commands run, as an SVG: `python scripts/terminal.py docs/terminal.svg`.

The picture is of a real run, in a temporary folder, with the memory's file there.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

WIDTH = 80
COMMANDS = (
    'helamem add "We are cooking for Maya on Friday." --speaker Ana',
    'helamem add "Careful, she is allergic to peanuts." --speaker Ben',
    'helamem add "The gate needs a new lock." "Let us make satay!" --speaker Ana',
    'helamem search "What should I not cook for Maya?" -k 2',
    'helamem reinforce "Is satay a good idea?" --used 2,4',
    'helamem search "Would satay be a good plan?" -k 2',
)


def main(out: Path) -> None:
    """Run the commands, and write the picture."""
    screen = Console(record=True, width=WIDTH, file=io.StringIO())
    with tempfile.TemporaryDirectory() as folder:
        for place, command in enumerate(COMMANDS):
            if place:
                screen.print()
            screen.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            screen.print(Text.from_ansi(shown(command, folder).rstrip()))
    screen.save_svg(str(out), title="helamem")


def shown(command: str, folder: str) -> str:
    """What a command prints on a terminal of this width."""
    environment = {
        **os.environ,
        "COLUMNS": str(WIDTH),
        "FORCE_COLOR": "1",
        "HELAMEM_HOME": folder,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
    }
    ran = subprocess.run(
        command, shell=True, cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return ran.stdout


if __name__ == "__main__":
    main(Path(sys.argv[1]))
