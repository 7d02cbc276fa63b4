"""What can be done with a finished model: copy it to WQV-Viewer, export it in other forms."""
