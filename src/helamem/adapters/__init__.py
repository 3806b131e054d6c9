"""Adapters to other frameworks. Each module needs its own framework only.

`helamem.adapters.langgraph` is a LangGraph store, `helamem.adapters.openai_agents` a session of the OpenAI
Agents SDK, `helamem.adapters.langchain` a LangChain retriever and vector store.
"""
