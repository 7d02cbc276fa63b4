"""Decisions before the start of a run: settings, photos, network, hardware. Nothing here writes files."""
