"""Previews of a run: their files, and the pinned photos that they show."""
