"""Histograms as objects of other libraries: one module for each, one function in it, of one shape.

Each imports its library only when it is called and raises MissingExtraError where that is not installed.
"""
