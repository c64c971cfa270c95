"""The full-size network (8 x 64) on this processor: bfloat16 + channels-last against float32.

    python benchmarks/sr/full_size.py

CPU seconds of one thread for a forward pass, and for forward and backward, of one patch of 64 x 64
low-resolution pixels; and how far the bfloat16 result is from the float32 one. That the network
equals a plain construction of the paper's equations in float64 is a test of the plugin.
"""

from __future__ import annotations

import time

import torch
from iqf_sr_msrn.networks.msrn import MSRN


def seconds(network: torch.nn.Module, x: torch.Tensor, bfloat16: bool, backward: bool) -> float:
    """Return the best of three."""
    best = float("inf")
    for _ in range(3):
        begun = time.process_time()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            if backward:
                network(x).float().abs().mean().backward()
            else:
                with torch.inference_mode():
                    network(x)
        best = min(best, time.process_time() - begun)
    return best


def main() -> None:
    """Measure and print."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network, x = MSRN(), torch.rand(1, 3, 64, 64)
    fast = MSRN().to(memory_format=torch.channels_last)
    fast.load_state_dict(network.state_dict())
    y = x.to(memory_format=torch.channels_last)
    for backward, what in ((False, "forward"), (True, "forward and backward")):
        one = seconds(network, x, False, backward)
        other = seconds(fast, y, True, backward)
        print(
            f"{what}: float32 {one:.2f} s, bfloat16 + channels-last {other:.2f} s, "
            f"{one / other:.1f}x"
        )
    with torch.inference_mode():
        expected = network(x)
        with torch.autocast("cpu", torch.bfloat16):
            given = fast(y).float()
    error = (given - expected).abs()
    print(f"difference: mean {error.mean():.2e}, largest {error.max():.2e}; 1 is full scale")


if __name__ == "__main__":
    main()
