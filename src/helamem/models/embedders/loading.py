"""Loads the embedder that a setting names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from helamem.errors import ConfigError
from helamem.models.embedders.hashing import HashingEmbedder
from helamem.models.embedders.minilm import MINILM, MiniLMEmbedder
from helamem.models.embedders.model2vec import Model2VecEmbedder
from helamem.models.embedders.onnx import OnnxEmbedder
from helamem.models.embedders.openai import OPENAI_URL, OpenAIEmbedder
from helamem.models.embedders.static import StaticEmbedder

if TYPE_CHECKING:
    from helamem.protocols import Embedder

KNOWN = (
    "static",
    "static:FOLDER",
    "wordllama",
    "onnx",
    "onnx:FOLDER-OR-HUB-NAME",
    "minilm",
    "minilm:FOLDER-OR-HUB-NAME",
    "openai:MODEL",
    "hashing",
    "hashing:DIMENSION",
)


def load(
    spec: str, *, base_url: str = OPENAI_URL, api_key: str = "", dimension: int | None = None
) -> Embedder:
    """The embedder that a setting such as "static" or "minilm:./model" names.

    Args:
        spec: One of `KNOWN`.
        base_url: Where an OpenAI-compatible server is.
        api_key: Its key; a local server needs none.
        dimension: The dimension to request from such a server.

    Raises:
        ConfigError: `spec` names no embedder, or a folder without one.
    """
    kind, _, what = spec.partition(":")
    if kind == "static":
        return Model2VecEmbedder(what) if what else StaticEmbedder()
    if spec == "wordllama":
        return Model2VecEmbedder()
    if kind == "onnx":
        return OnnxEmbedder(what)
    if kind == "minilm":
        return MiniLMEmbedder(what or MINILM)
    if kind == "hashing" and (not what or what.isdecimal()):
        return HashingEmbedder(int(what or 256))
    if kind == "openai" and what:
        return OpenAIEmbedder(what, base_url=base_url, api_key=api_key, dimension=dimension)
    raise ConfigError(f"there is no embedder {spec!r}; there are: {', '.join(KNOWN)}")
