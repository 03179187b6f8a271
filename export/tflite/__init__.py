"""A packed model as a TFLite file of standard int8 operators, and such files read back.

layers.py  thresholds as integer arithmetic that every interpreter evaluates alike
graph.py   operators and tensors
write.py   the flatbuffer file, with metadata
read.py    files that anybody may have made
check.py   whether a graph can run
"""
