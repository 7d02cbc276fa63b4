"""What the window asks of the operating system."""
