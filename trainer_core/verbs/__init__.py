"""The verbs of `wqv-upscale-tools`, one module each; the window uses them too."""
