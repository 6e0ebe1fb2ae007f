"""Rendered images and thumbnails (PS3.18 §8.3.5, §8.7.4, §10.4.1.1.3 and .4).

An image goes from hand to hand: ``source`` reads and decompresses the samples of a frame,
``grayscale`` (PS3.4 §N.2) or ``color`` make shades of them, ``geometry`` cuts and scales,
``profiles`` sees to ICC profiles, and ``encoding`` writes JPEG, PNG or GIF. ``drawing`` is the
whole of it for one image, ``answer`` decides which images there are to be.

All of this needs what the extra ``render`` installs, and is imported when it is first asked for.
"""

from __future__ import annotations

from .answer import render

__all__ = ["render"]
