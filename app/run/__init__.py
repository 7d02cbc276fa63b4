"""The run of this window: its thread, its controller, the views that steer it and report on it."""
