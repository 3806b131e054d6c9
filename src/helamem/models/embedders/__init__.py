"""Embedders: how a text becomes a vector, one backend per file.

Each loads its model when it embeds its first text.
"""

from helamem.models.embedders.checking import coverage
from helamem.models.embedders.hashing import HashingEmbedder
from helamem.models.embedders.loading import KNOWN, load
from helamem.models.embedders.minilm import MiniLMEmbedder
from helamem.models.embedders.model2vec import Model2VecEmbedder
from helamem.models.embedders.onnx import OnnxEmbedder
from helamem.models.embedders.openai import OPENAI_URL, OpenAIEmbedder
from helamem.models.embedders.static import StaticEmbedder

__all__ = [
    "KNOWN",
    "OPENAI_URL",
    "HashingEmbedder",
    "MiniLMEmbedder",
    "Model2VecEmbedder",
    "OnnxEmbedder",
    "OpenAIEmbedder",
    "StaticEmbedder",
    "coverage",
    "load",
]
