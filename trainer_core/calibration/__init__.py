"""How a camera profile is fitted to captures of a watch, and how close synthetic photos come to them.

Its random choices have fixed seeds of their own (numpy's default generator), not the streams of a run: the same
captures give the same profile. Only the camera parameters of the synthetic photos are drawn as a run draws them.
"""
