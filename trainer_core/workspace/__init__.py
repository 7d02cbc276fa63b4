"""Layout of a workspace, its lock, its models, and its unfinished or running run."""
