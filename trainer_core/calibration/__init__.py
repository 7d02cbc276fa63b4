"""Fit a camera profile to the captures of a watch, and measure how close synthetic watch photos come to them.

Random choices use fixed seeds and NumPy's default generator, not the streams of a run, so that the same captures give
the same profile. Only the camera parameters of the synthetic photos are drawn as in a run.
"""
