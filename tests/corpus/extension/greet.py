"""An IPython extension with a line magic and a cell magic."""


def load_ipython_extension(ipython):
    def greet(line):
        print(f"hello {line}")

    def greet_all(line, cell):
        for name in cell.split():
            print(f"hello {name}")

    ipython.register_magic_function(greet, "line")
    ipython.register_magic_function(greet_all, "cell")
