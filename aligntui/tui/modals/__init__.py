"""Dialogs that lie over a screen and return one answer."""
