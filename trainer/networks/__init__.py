"""Networks: layers, whole networks, which outputs compete, and what a recipe asks for."""
