"""From a trained network to bytes: the packed model, its format and its exactness."""
