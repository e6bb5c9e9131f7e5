"""The clause catalogue (条款目录): every clause of the five standards in our own words, as validated data."""

from .load import CATALOGUE_DIR, load_catalogue
from .model import Catalogue, Standard

__all__ = ["CATALOGUE_DIR", "Catalogue", "Standard", "load_catalogue"]
