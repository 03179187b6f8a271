"""Methods of continual learning, one file each. `base.Method` says what a method is.

base.py         what a method is: hooks that the training loop calls, all of them optional
schedule.py     when a method consolidates: after a task, or every so many steps
metaplastic.py  the metaplastic step as a method (Laborieux et al. 2021)
naive.py        plain training, without any protection
quadratic.py    one penalty for several methods: importance times squared distance to an anchor
per_sample.py   sums over per-sample gradients, exact, without a loop over samples
ewc.py          importance from Fisher information (Kirkpatrick et al. 2017)
si.py           importance from the path integral of the loss (Zenke et al. 2017)
local_importance.py  importance from coincident activity, Hebb's rule, for mas.py
mas.py          importance from the sensitivity of the outputs (Aljundi et al. 2018)
anpyc.py        importance from entropy, and pruning that frees weights (Peng et al. 2021)
neuron_pruning.py  which weights are zero where whole neurons are pruned, for anpyc.py
replay.py       a few stored samples of earlier tasks, mixed into each batch
joint.py        all samples of earlier tasks: the upper bound
dgm.py          generated samples of earlier tasks (Ostapenko et al. 2019); see `generative/`
lwf.py          the network before the task as a teacher (Li and Hoiem 2016)
bop.py          weights that only flip, without hidden weights (Helwegen et al. 2019)
bimu.py         Bayesian binary weights with a finite memory
chain.py        a chain of ever slower variables, coupled to each weight (Benna and Fusi 2016)
"""
