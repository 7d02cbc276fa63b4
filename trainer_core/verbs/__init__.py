"""What the tools do: one module for each verb of `wqv-upscale-tools`, used by the window as well."""
