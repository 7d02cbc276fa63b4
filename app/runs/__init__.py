"""The contents of opened workspaces, recent workspaces, and runs of other processes."""
