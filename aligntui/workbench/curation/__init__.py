"""Curating pairs without a screen: browse, import, lint, judge again, count, build data sets."""
