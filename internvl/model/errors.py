"""What can go wrong with a model."""


class ModelError(Exception):
    """A checkpoint can't be found, read, placed or written; the message says what to do."""
