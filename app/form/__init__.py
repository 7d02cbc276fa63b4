"""The project that the user edits, its form, built from the settings schema, and the checklist beside Start."""
