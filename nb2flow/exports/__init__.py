"""Plans as text for other engines: values in, values out. Pure."""
