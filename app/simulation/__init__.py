"""The simulation tab: the user's photos as simulated watch photos, beside the user's own captures."""
