"""Offline work: data sets, training, embedding, evaluation and reports."""
