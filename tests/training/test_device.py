"""Little work is left to one thread, and afterwards there are as many as before."""

import torch
from torch import nn

from tl_core.training.device import threads_as_needed


def test_only_little_work_is_left_to_one_thread():
    before = torch.get_num_threads()
    small, large, images = nn.Linear(4, 3), nn.Linear(2000, 1000), nn.Conv2d(3, 8, 3)
    try:
        torch.set_num_threads(2)
        with threads_as_needed() as choose:
            found = []
            for network, inputs in (
                (images, torch.zeros(2, 3, 8, 8)),
                (small, torch.zeros(32, 4)),
                (large, torch.zeros(32, 2000)),
            ):
                choose(network, inputs)
                found.append(torch.get_num_threads())
        assert found == [2, 1, 2] and torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
