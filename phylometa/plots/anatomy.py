"""The schematic body of the figures, drawn here from scratch; `phylometa.reference.organs` says where organs lie on it.

Coordinates: the midline is x = 0, the patient's left is positive (front view: on the viewer's right), y grows downwards
from the crown (0) to the soles (385).
"""

from __future__ import annotations

__all__ = ["BODY_HEIGHT", "HALF_OUTLINE", "HEAD"]

BODY_HEIGHT = 385.0
# Centre and half axes of the head.
HEAD = (0.0, 26.0, 17.0, 24.0)
# One half of the outline from the neck round the arm and leg to the crotch; the other half is its mirror image.
HALF_OUTLINE = (
    (7.5, 47.0), (9.0, 57.0), (21.0, 63.0), (37.0, 68.0), (45.0, 80.0), (49.0, 104.0), (53.0, 132.0), (58.0, 162.0),
    (62.0, 188.0), (63.0, 206.0), (57.0, 211.0), (53.0, 198.0), (49.0, 176.0), (44.0, 150.0), (39.0, 126.0),
    (35.0, 104.0), (33.5, 124.0), (32.0, 146.0), (34.0, 166.0), (38.5, 184.0), (39.5, 206.0), (37.0, 242.0),
    (33.0, 276.0), (31.0, 302.0), (28.0, 336.0), (24.0, 364.0), (27.0, 379.0), (15.0, 380.0), (14.5, 362.0),
    (14.0, 334.0), (12.0, 300.0), (10.0, 268.0), (5.0, 238.0), (0.0, 222.0),
)  # fmt: skip
