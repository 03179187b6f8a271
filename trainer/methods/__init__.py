"""Methods of continual learning, one file each; `base.Method` says what a method is."""
