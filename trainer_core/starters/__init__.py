"""The built-in models ("starters"): each is a weight file in this folder with a model card, `NAME.pth`, `NAME.json`."""
