"""Where built-in scenes come from: photo-like pictures that the program draws itself."""
