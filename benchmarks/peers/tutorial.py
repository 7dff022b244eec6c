"""Loop of the tutorials: every epoch decodes all images and runs the frozen backbone on them."""

import copy

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.peers.task import Photos, load_body, make_transform, read_task, tell


def main() -> None:
    task = read_task()
    torch.manual_seed(0)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    body, features = load_body(task)
    for weight in body.parameters():
        weight.requires_grad = False
    head = nn.Linear(features, len(task.classes))
    model = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), head).to(device)

    transform = make_transform(task)
    sides = {"train": task.train, "val": task.val, "test": task.test}
    loaders = {
        name: DataLoader(
            Photos(side, transform),
            task.batch_size,
            shuffle=name == "train",
            num_workers=task.workers,
        )
        for name, side in sides.items()
    }
    loss_of = nn.CrossEntropyLoss()
    optimizer = torch.optim.AdamW(head.parameters(), task.learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, task.epochs)

    def accuracy(side: str) -> float:
        model.eval()
        right = 0
        with torch.no_grad():
            for images, labels in loaders[side]:
                right += (model(images.to(device)).argmax(1).cpu() == labels).sum().item()
        return right / len(sides[side])

    best, kept = -1.0, model.state_dict()
    for _ in range(task.epochs):
        model.train()
        body.eval()  # frozen means that its normalisation keeps its averages, too
        for images, labels in loaders["train"]:
            optimizer.zero_grad()
            loss = loss_of(model(images.to(device)), labels.to(device))
            loss.backward()
            optimizer.step()
        schedule.step()
        found = accuracy("val")
        if found > best:
            best, kept = found, copy.deepcopy(model.state_dict())
    model.load_state_dict(kept)
    torch.save(kept, task.model)
    tell(accuracy("test"))


if __name__ == "__main__":
    main()
