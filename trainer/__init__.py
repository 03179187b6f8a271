"""Learn metaplastic binarized networks on task sequences and streams (PyTorch)."""
