"""A packed model as an ONNX file, in four styles, and ONNX files of others as packed models."""
