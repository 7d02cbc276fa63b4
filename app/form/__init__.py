"""The settings form, made from the schema, and the checklist beside Start."""
