"""Memories in the form that other frameworks expect. Each module needs its framework, and only its own.

`helamem.adapters.langgraph` is a LangGraph store, `helamem.adapters.openai_agents` a session of the OpenAI
Agents SDK, `helamem.adapters.langchain` a LangChain retriever and vector store.
"""
