"""The generator RRDBNet, with BasicSR's parameter names: `spec` describes it without torch, `rrdb` is it."""
