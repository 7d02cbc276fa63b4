"""What the user does with a finished model: copy it to WQV-Viewer, try it on photos, export it."""
