"""One score from words, titles and pictures, and what a score is worth: weights, relevance, cutoff.

Plain arrays in and out. Knows no storage and no scan.
"""
