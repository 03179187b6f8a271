"""Files of other tools: what is written for them, and what of theirs is read.

exports.py            what each export costs: size, exactness over whole test sets, and time
foreign_networks.py   networks that Larq and Brevitas have trained, imported: are labels equal?
import_graphs.py      thousands of random graphs, imported and held against ONNX Runtime
"""
