"""The preview tab: images of a run's EMA network, compared pixel by pixel, and the user's pinned photos."""
