"""What tests of several rooms share: models and samples, graphs, rigs, and what is left out where.

random_models.py     random models and samples, for tests of every part
random_networks.py   random networks for property tests of exports
small_networks.py    small networks with statistics that some training has left, and samples
plain_maps.py        convolution and normalisation of maps in plain NumPy
onnx_graphs.py       random binary networks as exporters write them to ONNX
onnx_writing.py      ways in which exporters write nodes, binary weights, normalisation and signs
onnx_by_hand.py      graphs that a test writes node by node, held against ONNX Runtime
onnx_agreement.py    whether an imported graph and ONNX Runtime give the same labels
tflite_run.py        runs a .tflite file with whichever interpreter is installed
exported_c.py        an exported model with hostile names, and a program that runs it
kernel_sources.py    the part of the C core that programs of tests/c are linked with
flash_rig.py         flash in memory whose power can go at any erasure and any write
journal_rig.py       a program whose flash keeps the samples that its model learns
link_rig.py          a device in memory, and a line to it that does harm
chip_rig.py          an emulated core whose flash is written as a chip's, and a device on it
own_data.py          a user's own data, for tests of what reads them
small_fit.py         a small table of one's own, and questions to `metabit fit` about it
tiny_benchmark.py    a benchmark of a paper that is done in seconds
web.py               a web server on this machine, for tests of what is fetched
needed.py            what a test needs of the machine
data_guard.py        hides data sets that are not bundled from tests that do not name them
"""
