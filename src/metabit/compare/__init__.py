"""A model in any of its forms, run the same way and compared with another: on a desk only."""
