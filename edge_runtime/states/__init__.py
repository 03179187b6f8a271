"""What an engine has learnt, as it is kept: bytes, a folder, and what became of it.

state_bytes.py     learnt state as bytes, out and back in
state_folder.py    a folder of states: its lock, what is restored, what is kept
state_history.py   the states of a folder, looked at, taken back, named and removed
kept_contexts.py   how many contexts a kept state is opened with where there is less RAM
"""
