"""What the watch sees: pairs made of the user's photos before the start, beside captures of their own."""
