"""Memory for coding agents without tool calls, by the hooks of their hosts."""
