"""The window that upscales photos with models, blends and compares them."""
