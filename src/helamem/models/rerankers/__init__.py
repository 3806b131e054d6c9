"""Rerankers: they read the question and each memory together, and reorder the memories."""

from helamem.models.rerankers.cross_encoder import CrossEncoder
from helamem.models.rerankers.llm import LLMReranker
from helamem.models.rerankers.loading import load

__all__ = ["CrossEncoder", "LLMReranker", "load"]
