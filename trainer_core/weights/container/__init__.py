"""Files of weights as containers: zip, pickle, safetensors; read under limits, never unpickled."""
