"""Classical models on a backbone's features, evaluated by cross-validation.

The test set is not used.
"""

import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tl_core.data.names import quoted
from tl_core.errors import TransferLabError
from tl_core.evaluation.embedding import check_features
from tl_core.evaluation.separability import measure_separability

Numbers = NDArray[Any]
MOST_PROBED = 3_000
"""Largest number of images: the time of some models grows with its square."""
FOLDS = 5
_NEIGHBOURS = 5


class CannotProbe(TransferLabError):
    """Too few classes or images for cross-validation."""


@dataclass(frozen=True, slots=True)
class Probe:
    name: str
    title: str
    help: str
    """Sentence on how it decides."""
    make: Callable[[int], Any]
    """Factory of the scikit-learn model, for a number of training images."""
    cost: int
    """Rough time relative to the other models."""


def _scaled(model: Any) -> Any:
    # In a pipeline the scale is learned in each fold anew, and not from the images asked about.
    return make_pipeline(StandardScaler(), model)


PROBES = (
    Probe(
        "majority",
        "Always the most frequent class",
        "Looks at no image: what the others must beat.",
        lambda n: DummyClassifier(),
        1,
    ),
    Probe(
        "logistic",
        "Logistic regression",
        "Weighs the features for each class; a new head without hidden layers is just that.",
        lambda n: _scaled(LogisticRegression(C=0.1, max_iter=300)),
        10,
    ),
    Probe(
        "linear-svm",
        "Linear support vector machine",
        "Separates classes by the straight border that stays farthest from the images on both "
        "sides.",
        lambda n: _scaled(SVC(kernel="linear", C=0.1)),
        25,
    ),
    Probe(
        "rbf-svm",
        "RBF support vector machine",
        "The same with borders that may bend (radial basis functions).",
        lambda n: _scaled(SVC(kernel="rbf", C=10.0)),
        90,
    ),
    Probe(
        "knn",
        "k nearest neighbours",
        "Asks the five images whose features are most alike.",
        # A small fold may have fewer images than neighbours.
        lambda n: _scaled(KNeighborsClassifier(min(_NEIGHBOURS, n))),
        4,
    ),
    Probe(
        "tree",
        "Decision tree",
        "Asks one question about one feature after another.",
        lambda n: _scaled(DecisionTreeClassifier(random_state=0)),
        70,
    ),
    Probe(
        "forest",
        "Random forest",
        "Lets 100 trees vote, each grown on other images and features.",
        lambda n: _scaled(RandomForestClassifier(100, random_state=0)),
        170,
    ),
)
"""Models with usual settings, none of them tuned."""
REFERENCE = next(model for model in PROBES if model.name == "logistic")
"""Model by which separability is judged: a new head without hidden layers is just that."""
BASELINE = next(model for model in PROBES if model.name == "majority")
"""Model that gives every image the most frequent class of all images."""


@dataclass(frozen=True, slots=True)
class Probed:
    name: str
    title: str
    accuracy: float
    """Share of the images predicted rightly, each by a model that had not seen it."""
    spread: float
    """Standard deviation of the accuracy over the folds; 0 with one fold."""
    folds: tuple[float, ...]
    seconds: float
    """Time of fitting and predicting in all folds, in seconds."""
    help: str
    """Sentence on how it decides."""
    note: str = ""
    """Sentence on a problem, such as a model that did not converge."""


@dataclass(frozen=True, slots=True)
class Probing:
    n: int
    """Number of images; each is predicted once."""
    n_of: int
    """Number of images that these are a sample of."""
    folds: int
    results: tuple[Probed, ...]
    answer: str
    """Sentence on how well the classes can be told apart; contains names of classes."""
    notes: tuple[str, ...] = ()
    """Sentences about classes that are too small."""


def probe(
    features: Numbers,
    labels: Sequence[int],
    groups: Sequence[str],
    classes: Sequence[str],
    *,
    models: Sequence[Probe] = PROBES,
    n_of: int | None = None,
    seed: int = 0,
    on_progress: Callable[[float], None] = lambda share: None,
) -> Probing:
    """Cross-validate every classical model on the features.

    Args:
        features: float [N, D].
        labels: indices into `classes`.
        groups: images of one group, which are copies of one file, stay in one fold.
        models: what to try; `REFERENCE` among them, which answers for the separability.
        n_of: number of images that these are a sample of.
        on_progress: called with the completed share, 0 to 1.

    Raises:
        CannotProbe: fewer than two classes, or too few images.
        FeaturesUnfit: features that are not finite.
    """
    check_features(features)
    y = np.asarray(labels)
    n_folds, notes = _count_folds(y, groups, classes)
    parts = list(_split(y, groups, n_folds, seed))
    results = []
    answer = ""
    done = 0
    for model in models:
        result, answers = _try(model, np.asarray(features, np.float32), y, parts)
        results.append(result)
        # Chosen beforehand: the best of seven would flatter the classes.
        if model is REFERENCE:
            asked = answers >= 0
            answer = measure_separability(y[asked], answers[asked], classes).sentence
        done += model.cost
        on_progress(done / sum(each.cost for each in models))
    return Probing(len(y), n_of or len(y), len(parts), tuple(results), answer, tuple(notes))


def _count_folds(
    labels: Numbers, groups: Sequence[str], classes: Sequence[str]
) -> tuple[int, list[str]]:
    """Choose the number of folds, and write sentences about classes with fewer images."""
    pairs = {(label, group) for label, group in zip(labels.tolist(), groups, strict=True)}
    distinct = Counter(label for label, _ in pairs)
    if len(distinct) < 2:
        raise CannotProbe(
            f"There is only {len(distinct)} class with images to learn from: models need two or "
            "more."
        )
    # More folds than images of the largest class, or than groups, would leave some empty.
    n_folds = min(FOLDS, max(distinct.values()), len(set(groups)))
    if n_folds < 2:
        raise CannotProbe(
            "No class has two different images: one to learn from and one to ask about are needed."
        )
    small = sorted(label for label, n in distinct.items() if 1 < n < n_folds)
    single = sorted(label for label, n in distinct.items() if n == 1)
    notes = []
    if small:
        noun, verb = ("class", "has") if len(small) == 1 else ("classes", "have")
        notes.append(
            f"The {noun} {quoted([classes[i] for i in small])} {verb} fewer different images than "
            f"there are folds ({n_folds}), so in some folds there is none to ask about."
        )
    if single:
        noun, verb = ("class", "has") if len(single) == 1 else ("classes", "have")
        notes.append(
            f"The {noun} {quoted([classes[i] for i in single])} {verb} only one image: while it "
            "is asked about, none is left to learn from, so it counts as wrong."
        )
    return n_folds, notes


def _split(
    labels: Numbers, groups: Sequence[str], n_folds: int, seed: int
) -> Iterator[tuple[Numbers, Numbers]]:
    """Yield (training, validation) indices, stratified as evenly as groups allow."""
    _, numbers = np.unique(np.asarray(groups), return_inverse=True)
    folds = StratifiedGroupKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Sentences tell of small classes already.
        warnings.simplefilter("ignore", UserWarning)
        for learned, asked in folds.split(labels, labels, numbers):
            # Large groups can leave a fold empty.
            if len(learned) and len(asked):
                yield learned, asked


def _try(
    model: Probe, features: Numbers, labels: Numbers, parts: Sequence[tuple[Numbers, Numbers]]
) -> tuple[Probed, Numbers]:
    """Cross-validate a model; return also its predicted labels, -1 where none was asked for."""
    predicted = np.full(len(labels), -1)
    shares = []
    converged = True
    started = time.perf_counter()
    for learned, asked in parts:
        # The class that is most frequent in what a fold learns from is rarer in what it is asked
        # about, so that equal classes would seem harder to guess than they are.
        known = labels if model is BASELINE else labels[learned]
        seen = features if model is BASELINE else features[learned]
        answers, is_done = _answers(model, seen, known, features[asked])
        predicted[asked] = answers
        shares.append(float((answers == labels[asked]).mean()))
        converged = converged and is_done
    seconds = time.perf_counter() - started
    note = "" if converged else "It had not quite settled when its steps were used up."
    spread = float(np.std(shares, ddof=1)) if len(shares) > 1 else 0.0
    # Not the mean of the folds' shares: folds differ in size, and that would be no share of images.
    was_asked = predicted >= 0
    result = Probed(
        model.name,
        model.title,
        float((predicted == labels)[was_asked].mean()),
        spread,
        tuple(shares),
        seconds,
        model.help,
        note,
    )
    return result, predicted


def _answers(
    model: Probe, features: Numbers, labels: Numbers, asked: Numbers
) -> tuple[Numbers, bool]:
    """Return predicted labels, and whether the model converged."""
    # Most models refuse to learn a single class.
    if len(np.unique(labels)) == 1:
        return np.full(len(asked), labels[0]), True
    # scikit-learn tells of a missing convergence by a warning only.
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        answers: Numbers = model.make(len(labels)).fit(features, labels).predict(asked)
    return answers, not any(issubclass(one.category, ConvergenceWarning) for one in caught)
