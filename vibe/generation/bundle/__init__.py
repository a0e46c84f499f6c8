"""Bundles a page's files into the one document that the check, the preview and the card all show.

Local styles, classic scripts and pictures go inline where they stand; everything else stays byte for byte as it was
written (tags are found by position, the page is never re-serialised). What cannot work in a sealed card is a Problem
with its place: module imports between files, other pages, and anything that would come from the internet. Nothing is
left dead in silence, and no page costs more than its size: there are limits, each with a sentence.
"""

from vibe.generation.bundle.material import MAX_DOCUMENT, Problem
from vibe.generation.bundle.page import SHIM, Bundle, bundle

__all__ = ["MAX_DOCUMENT", "SHIM", "Bundle", "Problem", "bundle"]
