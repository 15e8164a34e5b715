"""index.html: every title of a run with its pictures, scores, shots and signals, on one page.

The page opens from disk: no server, no network, no other file than the titles' own pictures.
"""

from fastthumb.artwork.gallery.page import FailedTitle, GalleryTitle, write_gallery
from fastthumb.artwork.gallery.preview import SignalPreview

__all__ = ["FailedTitle", "GalleryTitle", "SignalPreview", "write_gallery"]
