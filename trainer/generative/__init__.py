"""Generators that remember: networks whose masks say which weights belong to which task."""
