"""A packed model as an ONNX file, in four styles; reading ONNX files of anybody."""
