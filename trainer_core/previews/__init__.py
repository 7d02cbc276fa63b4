"""Preview pictures of a run: their files, and the user's own watch photos that they show."""
