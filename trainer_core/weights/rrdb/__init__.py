"""RRDB networks in weight files: dialects of key names, and the dimensions that shapes tell."""
