"""Features in one pass of PyTorch, then scikit-learn's logistic regression."""

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.peers.task import Examples, Photos, load_body, make_transform, read_task, tell


def main() -> None:
    task = read_task()
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    body, _ = load_body(task)
    network = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten()).eval().to(device)
    transform = make_transform(task)

    def features(side: Examples) -> tuple[NDArray[np.float32], list[int]]:
        loader = DataLoader(Photos(side, transform), task.batch_size, num_workers=task.workers)
        with torch.no_grad():
            rows = [network(images.to(device)).cpu().numpy() for images, _ in loader]
        return np.concatenate(rows), [label for _, label in side]

    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    model.fit(*features(task.train))
    joblib.dump(model, task.model)
    tell(model.score(*features(task.test)))


if __name__ == "__main__":
    main()
