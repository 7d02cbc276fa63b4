"""Services of the operating system that the window uses."""
