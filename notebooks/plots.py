"""How the plots of these notebooks look: a font that has Chinese, quiet axes, a modest size."""

import warnings
from importlib.resources import files

import matplotlib.pyplot as plt
import numpy
from matplotlib import font_manager

BLUE, ORANGE, GREEN, RED, GREY = "#35689c", "#dd8a3c", "#5a9a68", "#b9473f", "#a3acb5"
SCALE = "Blues"

# The font comes with a package, so that no system needs to have one.
FONT = files("mplfonts") / "fonts" / "NotoSansCJKsc-Regular.otf"
font_manager.fontManager.addfont(str(FONT))
plt.rcParams.update({
    "font.family": [font_manager.FontProperties(fname=str(FONT)).get_name(), "DejaVu Sans"],
    "font.size": 9,
    "figure.figsize": (8, 3.2),
    "figure.dpi": 90,
    "figure.constrained_layout.use": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.unicode_minus": False,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
})
# DuckDB 2.0 converts instants by a way that pandas 3.1 has deprecated.
warnings.filterwarnings("ignore", message="The inplace keyword in DataFrame.drop")


def bars(axes, labels, values, form="{:,.0f}", color=BLUE, **more):
    """Horizontal bars, the first on top, each with its value."""
    drawn = axes.barh(range(len(labels)), values, color=color, **more)
    axes.set_yticks(range(len(labels)), labels)
    axes.invert_yaxis()
    axes.bar_label(drawn, [form.format(value) for value in values], padding=3, fontsize=8, color="#444444")
    axes.margins(x=0.12)
    axes.tick_params(axis="y", length=0)
    axes.xaxis.set_visible(False)
    axes.spines["bottom"].set_visible(False)
    return axes


def heat(axes, table, form="{:,.0f}", scale=SCALE, **more):
    """A table of numbers (rows, columns and their names from pandas) as colours, with the numbers where they fit."""
    values = table.to_numpy(dtype=float)
    image = axes.imshow(values, cmap=scale, aspect="auto", **more)
    axes.set_xticks(range(values.shape[1]), table.columns)
    axes.set_yticks(range(values.shape[0]), table.index)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    if values.shape[1] <= 12:
        for row, column in zip(*(~numpy.isnan(values)).nonzero()):
            red, green, blue, _ = image.cmap(image.norm(values[row, column]))
            color = "white" if 0.3 * red + 0.6 * green + 0.1 * blue < 0.5 else "#333333"
            axes.text(column, row, form.format(values[row, column]), ha="center", va="center", fontsize=8, color=color)
    return image
