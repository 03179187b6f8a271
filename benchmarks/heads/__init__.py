"""A last layer that learns by itself: what it knows, what guards it, and what it costs.

guarding.py     what a guard takes back: nothing of a clean stream, and what wrong labels do
novelty.py      does a head know what it does not know? Transitions of HAPT, of people never seen
new_people.py   a head that has counted twelve people of HAPT at home meets twelve others
observing.py    do samples without labels help a head? Two questions, asked with and without them
replaying.py    what latent replay is worth: three gates with and without it, and a counting head
head_forms.py   what a counting head costs and knows in less RAM: fewer features, the small form
"""
