"""Boards without boards: memory plans, and the real firmware on emulated cores."""
