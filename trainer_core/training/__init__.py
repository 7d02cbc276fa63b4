"""Training one run: `trainer` runs a plan, `loop` does its steps; the other modules are their parts."""
