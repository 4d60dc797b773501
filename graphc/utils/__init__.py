"""What goes with training, under PyTorch's names: ``graphc.utils.data``, ``graphc.utils.checkpoint``."""

from graphc.utils import checkpoint, data

__all__ = ["checkpoint", "data"]
