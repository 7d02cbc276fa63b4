"""Blind comparison of two models: which upscaled photos a person prefers, without knowing which model made them."""
