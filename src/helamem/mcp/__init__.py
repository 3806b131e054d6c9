"""The memory as a server of the Model Context Protocol, for agents and the hosts they live in. The extra [mcp]."""
