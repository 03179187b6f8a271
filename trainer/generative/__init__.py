"""The generator of DGM: masks say which of its weights belong to which task.

masks.py      the weights in use by a task: soft while it is learnt, one bit per weight afterwards
plan.py       the layers of a generator, dense or convolutional
growth.py     how much the generator grows after a task
generator.py  weights shared by all tasks, and what belongs to one task
critic.py     the discriminator: how real a sample looks, and which class it has
game.py       one training step of generator and critic
"""
