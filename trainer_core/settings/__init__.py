"""All settings: their schema, the configuration, presets, and how flags and stored settings merge."""
