"""What goes with training, under PyTorch's names: ``graphc.utils.data``."""

from graphc.utils import data

__all__ = ["data"]
