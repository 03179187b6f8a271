"""Set-up for the tests that use PyTorch."""

from __future__ import annotations

import torch

# Small networks are slower on two threads, and far slower where something else runs as well.
torch.set_num_threads(1)
