"""A model in any of its forms, run the same way and compared with another: on a desk only.

artefact.py     what every form of a model can be asked
kinds.py        from a path to the form that lies there
packed.py       a .mbit file in the C engine
onnx_file.py    an ONNX file in ONNX Runtime
tflite_file.py  a TFLite file in LiteRT
align.py        the same samples for both
compare.py      labels and scores, and the first place where they differ
imported.py     an imported network beside the ONNX file it was made from
in_double.py    an ONNX graph that computes in double, to tell rounding from a real difference
"""
