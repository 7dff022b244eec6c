"""What every train.py has in common; `training_script` fills in the rest."""

from string import Template

SKELETON = Template('''\
"""Run ${run} of TransferLab once more:    python train.py FOLDER

FOLDER holds the images in any arrangement: split.csv knows each by its content. Needs torch, torchvision and pillow,
and beside it split.csv, and predict.py, which reads images as the app does${beside}.

${closeness}
"""

import argparse
import copy
import csv
import hashlib
import json
import math
from pathlib import Path

import numpy as np  # comes with torchvision
import torch
${library}
from predict import HERE, normalise, open_rgb, prepare
from torch import nn
from torch.nn import functional as F
from torchvision.transforms import v2

SEED, EPOCHS, BATCH_SIZE, N_CLASSES = ${seed}, ${epochs}, ${batch_size}, ${n_classes}
LABEL_SMOOTHING, WEIGHT_DECAY = ${label_smoothing}, ${weight_decay}
PREPROCESS = ${preprocess}
PREPROCESS["resized_by"] = "pytorch" if torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512") else "pillow"

# The backbone's modules by stage, from the input, and the head's name.
STAGES = ${stages}
HEAD = ${head_name}
# First and last epoch, how many stages are frozen, what else is, and the learning rate of every stage and the head.
PHASES = ${phases}


# The network


def build_model(weights_file=None):
${network}
${head}
${surgery}
${start}
    return model


def belongs(name, prefixes):
    return any(name == prefix or name.startswith(prefix + ".") for prefix in prefixes)


def freeze(model, n_stages, also):
    """No gradients for what is frozen, and no dropout or moving averages in it."""
    frozen = [name for stage in STAGES[:n_stages] for name in stage] + also
    for name, parameter in model.named_parameters():
        parameter.requires_grad = not belongs(name, frozen)
    for name, module in model.named_modules():
        if belongs(name, frozen)${adapts}:
            module.training = False


def make_optimizer(model, rates):
    """Every stage has its rate; weight decay spares biases and normalisation."""
    groups = []
    for names, rate in zip([*STAGES, [HEAD]], rates):
        own = [p for name, p in model.named_parameters() if p.requires_grad and belongs(name, names)]
        matrices, vectors = [p for p in own if p.ndim > 1], [p for p in own if p.ndim < 2]
        for parameters, decay in ((matrices, WEIGHT_DECAY), (vectors, 0.0)):
            if parameters:
                groups.append({"params": parameters, "lr": rate, "rate": rate, "weight_decay": decay})
    return ${optimizer}


${schedule}


# The images


def read_split(folder):
    """For each side its files and labels."""
    files = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in folder.rglob("*") if path.is_file()}
    with open(HERE / "split.csv", encoding="utf-8-sig", newline="") as table:
        rows = list(csv.DictReader(table))
    missing = [row["file"] for row in rows if row["sha256"] not in files]
    if missing:
        raise SystemExit(f"{len(missing)} of {len(rows)} images are not in {folder}, such as {missing[0]}.")
    split = {"train": [], "val": [], "test": []}
    for row in rows:
        split[row["side"]].append((files[row["sha256"]], int(row["label"])))
    return split


def as_it_is(file):
    return torch.from_numpy(prepare(open_rgb(file, PREPROCESS), PREPROCESS)).permute(2, 0, 1)


${augment}


class Images(torch.utils.data.Dataset):
    def __init__(self, rows, read):
        self.rows, self.read = rows, read

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, place):
        file, label = self.rows[place]
        return torch.from_numpy(normalise(self.read(file).permute(1, 2, 0).numpy(), PREPROCESS)), label


def batches(rows, read, order, workers, device):
    # Of its own, or else the loader would take from what dropout draws from; another one in every epoch.
    chance = torch.Generator().manual_seed(torch.initial_seed())
    images = Images(rows, read)
    loader = torch.utils.data.DataLoader(images, BATCH_SIZE, sampler=order, num_workers=workers, generator=chance)
    for images, labels in loader:
        yield images.to(device, memory_format=torch.channels_last), labels.to(device)


def epoch_order(labels, epoch):
${order}


# Training


@torch.inference_mode()
def judge(model, rows, workers, device):
    """(accuracy, cross-entropy in nats)."""
    model.eval()
    every = batches(rows, as_it_is, range(len(rows)), workers, device)
    said = [(model(images).double(), labels) for images, labels in every]
    logits, labels = (torch.cat(parts) for parts in zip(*said))
    right = (logits.argmax(1) == labels) & logits.amax(1).isfinite()  # what is not a number is no answer
    return right.double().mean().item(), F.cross_entropy(logits, labels).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path, help="the images")
    parser.add_argument("--weights", type=Path, ${weights})
    parser.add_argument("--workers", type=int, default=2, help="processes that read images")
    arguments = parser.parse_args()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    split, workers = read_split(arguments.folder), arguments.workers
    train, labels = split["train"], [label for _, label in split["train"]]
    model = build_model(arguments.weights).to(device, memory_format=torch.channels_last)
    images_per_step = ${images_per_step}
    steps = math.ceil(len(train) / images_per_step)  # of an epoch
${class_weights}
    best, best_weights, unimproved, lowest = (-1.0, -math.inf), None, 0, math.inf
    for first, last, n_frozen, also, rates in PHASES:
        model.train()
        freeze(model, n_frozen, also)
        optimizer = make_optimizer(model, rates)
${course}
        for epoch in range(first, last + 1):
            torch.manual_seed(SEED * 1_000_003 + epoch)
            model.train()
            freeze(model, n_frozen, also)
            step, seen, in_step = (epoch - start) * steps, 0, 0
            for images, targets in batches(train, varied, epoch_order(labels, epoch), workers, device):
                whole = min(images_per_step, len(train) - seen)
                logits = model(images)
                loss = F.cross_entropy(logits, targets, class_weights, reduction="sum", label_smoothing=LABEL_SMOOTHING)
                (loss / whole).backward()
                in_step += len(targets)
                if in_step == whole:
                    for group in optimizer.param_groups:
                        group["lr"] = group["rate"] * factor(step, steps, length)
${clip}
                    optimizer.step()
                    optimizer.zero_grad()
                    step, seen, in_step = step + 1, seen + whole, 0
            accuracy, loss = judge(model, split["val"], workers, device)
            print(f"epoch {epoch}: right on {accuracy:.1%} of {len(split['val'])} validation images, loss {loss:.4f}")
            if (accuracy, -loss) > best:
                best, best_weights = (accuracy, -loss), copy.deepcopy(model.state_dict())
${stopping}
    model.load_state_dict(best_weights)
    torch.save(best_weights, HERE / "trained.pth")
    accuracy, loss = judge(model, split["test"], workers, device)
    print(json.dumps({"val_accuracy": best[0], "test_accuracy": accuracy, "test_loss": loss, "n": len(split["test"])}))


if __name__ == "__main__":
    main()
''')
