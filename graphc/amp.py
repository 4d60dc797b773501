"""Mixed precision under PyTorch's name: ``graphc.amp.autocast`` and ``graphc.amp.GradScaler``."""

from graphc.optim.grad_scaler import GradScaler
from graphc.tensors.autocasting import autocast, is_autocast_enabled

__all__ = ["GradScaler", "autocast", "is_autocast_enabled"]
