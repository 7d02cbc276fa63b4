"""Runs that were there before: recent workspaces, and the offer to go on."""
