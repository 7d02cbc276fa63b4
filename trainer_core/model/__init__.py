"""The generator RRDBNet with BasicSR's parameter names: `spec` describes, `rrdb` builds, `initialize` fills it."""
