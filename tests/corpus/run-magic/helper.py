product = factor * 7
names = ["from", "the", "file"]
