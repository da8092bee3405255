"""The requirements that a step's image needs for the samples, from pyproject.toml: one a line."""

import tomllib
from pathlib import Path

project = tomllib.loads(Path("pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
print("\n".join([*project["dependencies"], *extras["samples"], *extras["s3"], *extras["kubernetes"]]))
