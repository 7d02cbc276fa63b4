"""Files that ship with the program: camera profiles, icons and the style of the window."""
