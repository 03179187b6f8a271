"""Networks in PyTorch: layers, whole networks, and which outputs compete.

quantizers.py  sign with straight-through gradients; sign(0) = +1
layers.py      BinaryLinear, and Normalization with running statistics and banks
statistics.py  means and variances of normalisation, measured after the last step
sample_norm.py  normalisation of each sample by itself
dropout.py     dropout whose draws an interrupted run repeats
shapes.py      shapes of networks as dataclasses, which refuse what cannot be built
recipe_shape.py  the shape that a recipe asks for
named.py       shapes of convolutional networks that have a name
network.py     what every network here has in common
mlp.py         BinaryMLP
conv.py        BinaryConv2d, and pooling that folds into thresholds
convnet.py     BinaryConvNet
real_mlp.py    the real-valued networks of the papers, for comparison
real_convnet.py  the same with convolutions
outputs.py     which classes compete: a single head, a growing head, one head per task
embedding.py   outputs that are a point in space, with a triplet loss
build.py       the network that a recipe asks for, with frozen trunks; saved to files
diagnosis.py   where a number first was not finite
"""
