"""Memory for coding agents without a tool call: what a host's hooks bring, and what they are told."""
