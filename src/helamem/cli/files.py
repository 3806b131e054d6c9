"""Files that commands write: named before the work is done, and there whole or not at all."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_OUTPUT = "-"


class OutputFile(click.Path):
    """The value of an option that names a file to write; "-" is standard output.

    That its folder is missing is told at once, and not when there are results to lose.
    """

    def __init__(self) -> None:
        super().__init__(dir_okay=False, writable=True, allow_dash=True, path_type=str)

    def convert(
        self,
        value: object,
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> str:
        """The file's name, if it can be written."""
        name = str(super().convert(str(value), param, ctx))
        folder = Path(name).parent
        if name != STANDARD_OUTPUT and not folder.is_dir():
            self.fail(f"there is no folder {str(folder)!r} to write {name!r} into", param, ctx)
        return name


@contextmanager
def writing(name: str) -> Iterator[IO[str]]:
    """A file to write text into; where something fails, what was there before stays.

    What is no ordinary file, such as a pipe or /dev/null, is written as it is and never replaced, and a link
    goes on pointing where it did.
    """
    place = Path(name).resolve()
    if name == STANDARD_OUTPUT:
        with click.open_file(name, "w", encoding="utf-8") as file:
            yield file
    elif place.exists() and not place.is_file():
        with place.open("w", encoding="utf-8") as file:
            yield file
    else:
        part = place.with_name(f".{place.name}.part")
        try:
            with part.open("w", encoding="utf-8") as file:
                yield file
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)
