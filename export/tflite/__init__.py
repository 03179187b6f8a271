"""A packed model as a TFLite file of standard int8 operators, and such files read back."""
