"""The texts of a drawn figure."""

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.text import Text


def texts_of(artist):
    """Every text of a figure, but those of the ticks of hidden axes: to ask for those is to make them."""
    if isinstance(artist, Text):
        yield artist
    is_hidden = isinstance(artist, Axes) and not artist.axison
    for child in artist.get_children():
        if not (is_hidden and isinstance(child, Axis)):
            yield from texts_of(child)
