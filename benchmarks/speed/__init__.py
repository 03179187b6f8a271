"""Time and memory on a desk: of predictions, of learning steps, and of training in PyTorch.

inference.py        inference: time, memory and instructions, beside other runtimes
convnets.py         convolutional networks: memory, time of a prediction and of a learning step
scaling.py          time and memory against width, length of rows, batch, threads; where caches end
binary_engines.py   other engines for binary convolutions: OpenVINO's and Larq Compute Engine
learning_speed.py   time of a learning step beside PyTorch's, and instructions of a step on boards
stream_speed.py     samples per second on INSECTS, test then train, beside two rivals
context_costs.py    what contexts cost: RAM, bytes of a state, instructions
training_speed.py   training in PyTorch: processor time of the parts of a step, as they were and are
gpu_training.py     training on a graphics processor: milliseconds of a step beside one core
stacked_seeds.py    training several seeds at once: does one batched product save time?
"""
