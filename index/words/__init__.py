"""The words of a catalogue: analysis, postings, spelling and completions.

Derived from the products like the vectors. Knows no vectors, no queries and no language.
"""
