"""How fast a model runs here, and how fast other runtimes run its shape: on a desk only.

timing.py          contestants alternate in short windows, with the clock frequency beside each
subject.py         a model as contestants
layers.py          what each layer does, and the fastest this processor could do it
rivals.py          the same shape in other runtimes, in int8 and float
rival_networks.py  the networks given to them
onnx_network.py    such a network as an ONNX file
tflite_network.py  such a network as a TFLite file
"""
