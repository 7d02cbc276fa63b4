"""How real synthetic watch photos look: statistics, the distance D, a classifier, and the search for better ranges."""
