"""A model in any of its forms, run the same way: to compare one form with another."""
