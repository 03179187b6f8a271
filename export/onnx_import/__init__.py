"""Networks of binary layers that others wrote as ONNX, as packed models.

steps.py     the path from the input to the scores through a graph
forms.py     operators as their opset wrote them
chain.py     operations that treat each channel by itself
samples.py   what the first layer sees
per_input.py  a deviation for each input, as a front end
stepped.py   samples that the graph rounds to a few values first
linear.py    a layer while it is being read
activations.py  what a layer hands on, as bits
output.py    what follows the last layer
builder.py   from steps to layers
importer.py  the model, and a report of what was understood
errors.py    refusals
foreign.py   files of other tools that are no ONNX, and what to do with them
"""
