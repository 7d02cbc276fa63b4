"""What is decided before the start of a run: settings, photos, network, hardware. Writes nothing."""
