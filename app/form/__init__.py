"""The settings form, built from the settings schema, and the checklist beside Start."""
