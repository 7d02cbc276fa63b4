"""Pictures of a run, compared pixel by pixel."""
