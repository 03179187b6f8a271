"""Networks of binary layers that others wrote as ONNX, as packed models, layer by layer."""
