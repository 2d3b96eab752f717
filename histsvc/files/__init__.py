"""Histograms in NeXus files: how they are laid out, named and written, and which are written when."""

from histsvc.files.names import file_name
from histsvc.files.saver import Saver
from histsvc.files.writer import check_folder, save

__all__ = ["Saver", "check_folder", "file_name", "save"]
