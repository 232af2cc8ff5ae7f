"""Offline work: one training run at the top level, data sets, indexing, reports, sweeps and the demo beneath.

Knows models and index, but no HTTP.
"""
