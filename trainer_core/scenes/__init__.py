"""The built-in scenes of the demo: photo-like images that the program renders itself (`painter`)."""
