"""Histograms and services for people to look at: in a terminal, in a window, in a file."""
