import matplotlib.pyplot


def draw(table):
    with matplotlib.pyplot.rc_context({"lines.linewidth": 3}):
        matplotlib.pyplot.plot(table["a"])
