"""From image files to training samples: decode photos and captures, find them, split them, cut frames and regions."""
