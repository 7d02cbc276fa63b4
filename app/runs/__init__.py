"""The start page, recent workspaces, and the contents of a workspace with the curves of its run."""
