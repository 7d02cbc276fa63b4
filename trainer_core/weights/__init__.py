"""Weight files: a strict reader that never unpickles, the dialects of RRDB, warm start and export."""
