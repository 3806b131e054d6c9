"""The memory as a server of the Model Context Protocol, for hosts of agents. Needs the extra [mcp]."""
