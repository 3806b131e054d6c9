"""The project of a folder: the identity of its repository, the same in all worktrees."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path, PurePath

from helamem.identity import digest

GIT_S = 5.0  # seconds to wait for git
MAX_NAME = 200
# user@host:path, the short form of SSH
SHORT = re.compile(r"^(?:[^@/:]+@)?([^/:]{2,}):(?!//)(.+)$")
URL = re.compile(r"^[a-z][a-z0-9+.-]*://(?:[^@/]*@)?([^/:]+)(?::\d+)?/(.+)$", re.IGNORECASE)


def namespace_of(folder: str | Path) -> str:
    """The namespace of a folder's project; outside of a repository, the folder is the project."""
    place = Path(folder).resolve()
    common = _git(place, "rev-parse", "--path-format=absolute", "--git-common-dir")
    if not common:
        return identity(place, "")
    remotes = _git(place, "config", "--get-regexp", r"^remote\..*\.url$").splitlines()
    settings = (line.partition(" ") for line in sorted(remotes, reverse=True))
    urls = {key: url for key, _, url in settings}
    return identity(Path(common), urls.get("remote.origin.url") or next(iter(urls.values()), ""))


def identity(common_dir: PurePath, remote: str) -> str:
    """The name of a repository: that of its remote, so that clones share a memory, or of its folder.

    Args:
        common_dir: The git directory that its worktrees share, or a folder outside of a repository.
        remote: The address that it is fetched from, in any form; user names and keys are left out.

    >>> identity(PurePath("/home/ana/shop/.git"), "git@github.com:acme/shop.git")
    'project github.com/acme/shop'
    >>> identity(PurePath("/work/shop"), "https://ana:key@GitHub.com/acme/shop")
    'project github.com/acme/shop'
    """
    found = URL.match(remote) or SHORT.match(remote)
    if found:
        path = found[2].strip("/").removesuffix(".git")
        return f"project {found[1].lower()}/{path}"[:MAX_NAME]
    home = common_dir.parent if common_dir.name == ".git" else common_dir
    return f"project {_printable(home.name)} {digest(str(common_dir)).hex()[:8]}"


def _printable(name: str) -> str:
    return "".join(c for c in name if c.isprintable())[:MAX_NAME] or "/"


def _git(folder: Path, *arguments: str) -> str:
    """The output of git for a folder; empty without git or a repository."""
    try:
        found = subprocess.run(  # noqa: S603  # fixed arguments
            ["git", "-C", str(folder), *arguments],  # noqa: S607  # the user's own git
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=GIT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip() if found.returncode == 0 else ""
