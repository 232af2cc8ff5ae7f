"""How a wheel is built: every package of ours below `vitrine`, so that an installation takes no other name.

A clone and an editable installation keep the folders as they are. setup.py uses it; nothing of ours imports it.
"""
