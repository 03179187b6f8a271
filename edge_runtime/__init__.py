"""What runs on the device: the C99 core, its NumPy reference and the Python engine."""
