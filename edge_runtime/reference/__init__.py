"""The runtime in NumPy: each file is the twin of the C file or folder of its name in `src/`."""
