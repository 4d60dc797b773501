"""One module a library: how its users would differentiate a function, and how a result is waited for and read."""

from __future__ import annotations

from typing import Any

from benchmarks.peers import (
    autograd_peer,
    graphc_peer,
    jax_peer,
    numba_peer,
    numpy_peer,
    pytensor_peer,
    torch_peer,
)
from benchmarks.peers.base import Peer

SUBJECT = "graphc"

PEERS: dict[str, type[Peer]] = {
    peer.name: peer
    for peer in (
        graphc_peer.Graphc,
        autograd_peer.Autograd,
        torch_peer.TorchEager,
        torch_peer.TorchCompile,
        jax_peer.Jax,
        pytensor_peer.PyTensor,
        numba_peer.HandWrittenNumba,
        numba_peer.NumbaPrimal,
        numpy_peer.NumPy,
    )
}


def create(name: str, **settings: Any) -> Peer:
    return PEERS[name](**settings)
