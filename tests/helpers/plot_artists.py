"""What is drawn in a figure."""

from matplotlib.axes import Axes
from matplotlib.axis import Axis


def artists_of(artist, kind):
    """Every artist of a kind in a figure, but the ticks of hidden axes: to ask for those is to make them."""
    if isinstance(artist, kind):
        yield artist
    is_hidden = isinstance(artist, Axes) and not artist.axison
    for child in artist.get_children():
        if not (is_hidden and isinstance(child, Axis)):
            yield from artists_of(child, kind)
