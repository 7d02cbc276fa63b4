"""What can be set: the schema, the configuration, presets, and how flags and stored files merge."""
