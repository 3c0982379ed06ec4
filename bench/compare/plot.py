"""One panel a shape: the share of the FMA peak that Attune and its peers reach. The peak is the top
of the axis, unless bf16 dot products pass it."""
import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402

import results  # noqa: E402

COLUMNS = 3
OURS, THEIRS = "#0072b2", "#b0b0b0"


def panel(axes, shape, measured):
    names = sorted(measured, key=lambda name: -measured[name]["share"])
    shares = [measured[name]["share"] for name in names]
    axes.bar(range(len(names)), shares,
             color=[OURS if name == "attune" else THEIRS for name in names])
    axes.set_xticks(range(len(names)), names, rotation=60, ha="right", fontsize=7)
    axes.set_ylim(0, max(1.0, *shares))
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_title(shape["name"], fontsize=9)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)


def write(all_shapes, path):
    panels = [(shape, results.same_operator(shape)) for shape in all_shapes]
    panels = [(shape, measured) for shape, measured in panels if measured]
    rows = max(1, -(-len(panels) // COLUMNS))
    figure, grid = pyplot.subplots(rows, COLUMNS, figsize=(10, 2.8 * rows), squeeze=False,
                                   sharey=False, layout="constrained")
    for axes in grid.flat[len(panels):]:
        axes.set_visible(False)
    for axes, (shape, measured) in zip(grid.flat, panels):
        panel(axes, shape, measured)
    for axes in grid[:, 0]:
        axes.set_ylabel("share of the FMA peak", fontsize=8)
    matplotlib.rcParams["svg.hashsalt"] = "attune"  # the same result gives the same file
    figure.savefig(path, metadata={"Date": None} if path.endswith(".svg") else None, dpi=150)
