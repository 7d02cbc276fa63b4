"""Icons of the window and the program."""
