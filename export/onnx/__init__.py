"""A packed model as an ONNX file, in four styles. Only this folder imports onnx.

network.py  from the input to the logits
layers.py   the sums of one layer
graph.py    nodes and constants with readable names
style.py    what a style of writing weights and bits has to offer
packed.py   1 bit per weight, packed
int2.py     2-bit integers
plain.py    float32
qonnx.py    the bipolar type of QONNX
write.py    the file, checked, with metadata
read.py     files that anybody may have made
quant.py    an operator of QONNX, in standard ones
multi_threshold.py  an operator of FINN and QONNX, in standard ones
evaluator.py  ONNX's reference evaluator, with what it lacks
constants.py  what hangs on constants alone, worked out
"""
