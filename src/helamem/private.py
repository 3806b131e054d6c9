"""Creates files and folders that only their user can read, whatever the umask, and tightens existing ones.

Without POSIX permissions (Windows) nothing is done; the user's profile protects files.
"""

from __future__ import annotations

import logging
import os
import stat
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if sys.platform != "win32":
    import fcntl

if TYPE_CHECKING:
    from collections.abc import Iterator

logger = logging.getLogger(__name__)

FILE, FOLDER = 0o600, 0o700
OTHERS = 0o077  # permissions of group and others
SHARED_ON_PURPOSE = stat.S_ISVTX | stat.S_ISGID  # as /tmp has, or a folder given to a group


def expanded(path: str | Path) -> Path:
    """The path with `~` expanded, which shells do only in some places.

    Raises:
        ValueError: The user is unknown.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as exc:
        raise ValueError(
            f"{str(path)!r} names a user without a home folder; give the whole path"
        ) from exc


def make_folder(folder: Path) -> None:
    """Create a folder and its missing parents, readable only by the user.

    Raises:
        OSError: It cannot be made.
    """
    if not folder.parent.exists():
        make_folder(folder.parent)
    try:
        folder.mkdir(FOLDER)
    except FileExistsError:
        if not folder.is_dir():
            raise
    else:
        _set(folder, FOLDER)


def make_file(file: Path) -> None:
    """Create an empty file, readable only by the user; an existing file is left alone.

    Raises:
        OSError: It cannot be made.
    """
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, FILE)
    except FileExistsError:
        return
    os.close(descriptor)
    _set(file, FILE)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes that lock this folder waiting while the block runs; on Windows, nobody waits."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def tighten(place: Path) -> bool:
    """Remove other users' access to a file or folder, with a warning; return whether that was needed.

    What belongs to another user, a device or pipe, and a folder shared on purpose (sticky or set-group-id), is
    left alone.
    """
    try:
        found = place.stat()
    except OSError:
        return False
    if not _is_ours(found) or not found.st_mode & OTHERS:
        return False
    _set(place, stat.S_IMODE(found.st_mode) & ~OTHERS)
    logger.warning("%s could be read by other users of this machine; it is private now", place)
    return True


def _is_ours(found: os.stat_result) -> bool:
    if os.name != "posix" or found.st_uid != os.geteuid():
        return False
    if stat.S_ISDIR(found.st_mode):
        return not found.st_mode & SHARED_ON_PURPOSE
    return stat.S_ISREG(found.st_mode)


def _set(place: Path, mode: int) -> None:
    if os.name == "posix":
        place.chmod(mode)
