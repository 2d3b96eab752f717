"""Compiled loops over events: the FlatBuffers parser and one fill per histogram type.

Each module holds a kernel and its numpy twin of the same signature, which says what the kernel must do.
Importing one of them loads numba, so histograms import them where events are filled, not where
configurations are checked.
"""
