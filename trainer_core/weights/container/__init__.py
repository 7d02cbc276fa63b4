"""Readers of weight file layouts (zip, legacy pickle, safetensors) that apply limits and never unpickle."""
