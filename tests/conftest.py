"""What holds for all tests."""

from hypothesis import settings

# How long an example takes says how busy the machine is: speed is measured in `benchmarks/`, never here.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")
