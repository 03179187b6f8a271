"""What a run measures and keeps, what is in its folder, and how runs compare.

evaluation.py        accuracy at the boundaries of tasks, and test-then-train accuracy
checkpoint.py        stop anywhere, and resume to the same bits
run_folder.py        the files of a run
run_front_end.py     the front end of a run
run_input.py         what the network of a run reads, so that an export needs no data set
home_samples.py      training samples that it keeps, from which a head starts
run_results.py       the results of a run as JSON
plots.py             the pictures of a run
progress.py          what the loop tells whoever watches
comparison.py        runs side by side, grouped by recipe
comparison_plots.py  their pictures
torch_step.py        one ordinary PyTorch training step, to time the device's step against
"""
