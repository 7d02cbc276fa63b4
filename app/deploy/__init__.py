"""What is done with a finished model: copied to the viewer, tried on photos, exported."""
