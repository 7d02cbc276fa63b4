"""RRDB networks in weight files: dialects of parameter names, and dimensions inferred from shapes."""
