"""Loop of the tutorials with nothing frozen, an epoch of training per turn."""

import time
from collections.abc import Iterator

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.peers.answering import answer_turns
from benchmarks.peers.task import Photos, Task, load_body, make_transform, read_task


def train(task: Task) -> Iterator[float]:
    """Yield the seconds of each epoch, without its validation."""
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    body, features = load_body(task)
    model = nn.Sequential(
        body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(features, len(task.classes))
    )
    model.to(device).train()
    photos = Photos(task.train, make_transform(task))
    loader = DataLoader(photos, task.batch_size, shuffle=True, num_workers=task.workers)
    loss_of, optimizer = (
        nn.CrossEntropyLoss(),
        torch.optim.AdamW(model.parameters(), task.learning_rate),
    )
    while True:
        started = time.perf_counter()
        for images, labels in loader:
            optimizer.zero_grad()
            loss = loss_of(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        yield time.perf_counter() - started


if __name__ == "__main__":
    answer_turns(train(read_task()))
