"""How a camera profile is fitted to captures of a watch, and how close synthetic photos come to them."""
