"""Output files: checked before the work starts, and written atomically."""

from __future__ import annotations

import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import click

from helamem.private import make_file, tighten

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_OUTPUT = "-"


class OutputFile(click.Path):
    """The value of an option that names a file to write; "-" is standard output.

    An unwritable file is reported at once, before there are results to lose.
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
        place = Path(name).resolve()
        if name == STANDARD_OUTPUT or _is_special(place):
            return name
        if not place.parent.is_dir():
            self.fail(
                f"there is no folder {str(place.parent)!r} for {name!r}; create it first",
                param,
                ctx,
            )
        try:
            try_out(place)
        except OSError as exc:
            self.fail(f"{name!r} cannot be written: {_reason(exc)}", param, ctx)
        return name


def ready_folder(folder: Path) -> None:
    """Create a folder, and check that it is writable.

    Raises:
        UsageError: It is not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try_out(folder / "file")
    except OSError as exc:
        raise click.UsageError(f"{str(folder)!r} cannot be written into: {_reason(exc)}") from exc


def try_out(place: Path) -> None:
    """Check that a file can be written, leaving nothing behind.

    Raises:
        OSError: It cannot be written.
    """
    part = _temporary_name(place)
    part.touch(exist_ok=False)
    part.unlink()


@contextmanager
def writing(name: str, *, private: bool = False) -> Iterator[IO[str]]:
    """Open a text file for writing; if the block raises, the old content stays.

    Permissions stay too, unless it is to be private to its user. A special file, such as a pipe or
    /dev/null, is written to and never replaced, and a link keeps its target.
    """
    place = Path(name).resolve()
    if name == STANDARD_OUTPUT:
        with click.open_file(name, "w", encoding="utf-8") as file:
            yield file
    elif _is_special(place):
        with place.open("w", encoding="utf-8") as file:
            yield file
    else:
        part = _temporary_name(place)
        try:
            if private:
                make_file(part)
                tighten(place)  # an earlier export may be readable by others
            with part.open("w" if private else "x", encoding="utf-8") as file:
                if place.exists():
                    shutil.copymode(place, part)
                yield file
            part.replace(place)
        finally:
            part.unlink(missing_ok=True)


def _is_special(place: Path) -> bool:
    return place.exists() and not place.is_file()


def _temporary_name(place: Path) -> Path:
    """A unique name in the same folder, so that the file can be renamed atomically."""
    return place.with_name(f".{place.name}.{secrets.token_hex(4)}.part")


def _reason(exc: OSError) -> str:
    return f"{exc.strerror}; name a place where you may write"
