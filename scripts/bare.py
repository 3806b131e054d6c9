"""Check an installation that has nothing but helamem: help, the demo, and the examples of a document.

    python scripts/bare.py README.md

The examples run in a temporary folder, with the memory's file there.
"""

from __future__ import annotations

import doctest
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

BLOCK = re.compile(r"^```(?:python|pycon)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def main(document: Path) -> None:
    """Run the checks; whatever fails ends the program with an error."""
    for arguments, words in (["--help"], "Usage: helamem"), (["demo"], "Forget"):
        if words not in printed(arguments):
            sys.exit(f"`helamem {' '.join(arguments)}` did not print {words!r}")
    blocks = BLOCK.findall(document.read_text(encoding="utf-8"))
    if not blocks:
        sys.exit(f"{document} has no Python example")
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.environ["HELAMEM_HOME"] = folder
        run(blocks, document.name)
        os.chdir("/")
    print(f"`helamem --help` and `helamem demo` work, and {len(blocks)} examples of {document} ran")


def printed(arguments: list[str]) -> str:
    """What our program prints."""
    program = Path(sys.executable).with_name("helamem")
    return subprocess.run(
        [program, *arguments], check=True, capture_output=True, text=True, encoding="utf-8"
    ).stdout


def run(blocks: list[str], name: str) -> None:
    """Run the blocks one after the other; what one defines, the next may use."""
    names: dict[str, object] = {}
    for number, block in enumerate(blocks, start=1):
        if ">>>" not in block:
            exec(compile(block, f"{name}, block {number}", "exec"), names)
            continue
        test = doctest.DocTestParser().get_doctest(block, names, f"{name} {number}", name, None)
        outcome = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, clear_globs=False)
        if outcome.failed:
            sys.exit(f"{outcome.failed} examples of {name} failed")
        names.update(test.globs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
