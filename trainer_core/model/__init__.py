"""The generator, RRDBNet for x2, x4 and x8 with BasicSR's parameter names: `spec` describes it without torch, `rrdb` is it."""
