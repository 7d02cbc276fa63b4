"""Services of the operating system and of Qt: jobs in the background, stored choices, folders, the desktop."""
