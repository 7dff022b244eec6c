"""Model card: use and contents of the exported folder, data, results and origin of the model."""

from collections.abc import Iterator, Sequence

from tl_core.backbones import get_backbone
from tl_core.errors import UnknownBackbone
from tl_core.export.card_figures import figures_of, share_words, sizes_and_speeds
from tl_core.export.findings import Findings
from tl_core.export.markdown import plain, plain_sentence
from tl_core.export.receipt import Receipt
from tl_core.export.subject import Subject
from tl_core.runs.cautions import data_warnings
from tl_core.runs.summary import seen_before

_FILES = {
    "model.safetensors": "the weights, for PyTorch and for TransferLab; names of tensors begin "
    "with `head.`, or with `stages.<number>.` before their name in the backbone's own library",
    "model.onnx": "the whole network; its metadata holds labels and preprocessing (`labels`, "
    "`preprocess`, as JSON). Input `images`, float32 [batch, 3, size, size]; output `logits`, "
    "float32 [batch, labels]",
    "model.int8.onnx": "the same, quantised to 8 bits",
    "model.torchscript.pt": "the same for `torch.jit.load`",
    "predict.py": "predicts the classes of images; needs onnxruntime, numpy and pillow",
    "decoding": "folder with the part of predict.py that reads image files",
    "verify.py": "checks on the images in `receipt/` that the model still gives the "
    "probabilities of its test",
    "train.py": "repeats the training; its first lines say what to install",
    "start.pth": "all weights before training, for train.py (`torch.load`), named as in the "
    "backbone's own library",
    "split.csv": "which images were used for training, validation and test",
    "preprocess.json": "how images are read and resized for this model; `model.onnx` holds the "
    "same, and `predict.py` refuses to run if the two differ",
    "labels.json": "the labels in the order of the model's outputs",
    "labels.txt": "the same, one per line; line breaks, tabs and backslashes in a label are "
    "written `\\n`, `\\r`, `\\t`, `\\\\`",
    "config.json": "every setting of the run",
    "metrics.json": "every figure below, and more",
    "predictions.csv": "the model's prediction for each test image. Cells that a spreadsheet would "
    "take for a formula begin with an apostrophe; the numbered labels are exact",
    "requirements.txt": "the packages that predict.py needs, in the versions it was checked with",
}


def write_card(subject: Subject, findings: Findings) -> str:
    """Write the model card in Markdown, with user text escaped."""
    parts = [
        _title(subject),
        _use(findings),
        *_missing(subject, findings),
        _contents(findings),
        _data(subject),
        *figures_of(subject),
        sizes_and_speeds(findings),
        _origin(subject),
        _environment(findings),
    ]
    return "\n\n".join(parts) + "\n"


def _title(subject: Subject) -> str:
    run = subject.run
    classes = subject.checkpoint.classes
    text = (
        f"# {plain(run.title or run.dataset_name)}: {len(classes)} classes\n\n"
        f"An image classifier for {_class_names(classes)}, trained with TransferLab "
        f"(run `{run.id}`) from {subject.checkpoint.backbone.title}."
    )
    if subject.results:
        test = subject.results.test
        right = round(test.accuracy.value * test.n)
        text += f" Right on **{right} of {test.n} test images**, {share_words(test.accuracy)}."
    return text


def _class_names(classes: Sequence[str]) -> str:
    names = [f"*{plain(name)}*" for name in classes[:6]]
    if len(classes) > 6:
        return f"{', '.join(names)} and {len(classes) - 6} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _use(findings: Findings) -> str:
    if "model.onnx" not in findings.files:
        return (
            "## Use\n\nWithout an ONNX file predict.py cannot be run; it shows how images are read."
        )
    commands = ["pip install -r requirements.txt", "python predict.py photo.jpg"]
    if findings.receipt:
        commands.append("python verify.py")
    text = "\n".join(["## Use", "", "```", *commands, "```"])
    if findings.receipt:
        text += f"\n\n{_receipt_words(findings.receipt)}"
    return text


def _receipt_words(receipt: Receipt) -> str:
    visible = []
    invisible = []
    for mistake, difference in receipt.mistakes.items():
        # A smaller difference would pass verify.py unnoticed.
        if difference > receipt.tolerance:
            visible.append(f"{mistake}: {difference:.2g}")
        else:
            invisible.append(mistake)
    text = (
        f"`verify.py` runs the model on {receipt.n} test images and compares the logarithms of the "
        "probabilities with those stored by the app. They differed by at most "
        f"{receipt.difference:.1g} when this export was made; up to {receipt.tolerance:g} passes."
    )
    if visible:
        text += f" Differences if images were read wrongly: {'; '.join(visible)}."
    if invisible:
        text += f" Errors that make no difference on these images: {'; '.join(invisible)}."
    return text


def _missing(subject: Subject, findings: Findings) -> Iterator[str]:
    if sentences := (*subject.missing, *findings.left_out):
        items = "\n".join(f"- {plain_sentence(each)}" for each in sentences)
        yield f"## Not included\n\n{items}"


def _contents(findings: Findings) -> str:
    items = [f"- `{name}`: {words}" for name, words in _FILES.items() if name in findings.files]
    text = "\n".join(["## Files", "", *items])
    return f"{text}\n\n{findings.training}" if findings.training else text


def _data(subject: Subject) -> str:
    facts = subject.run.facts
    data = subject.run.config.data
    text = f"## Data\n\n*{plain(subject.run.dataset_name)}*, fingerprint `{data.dataset_id}`"
    if facts.splits:
        sides = ", ".join(f"{n:,} for {_SIDES[side]}" for side, n in facts.splits)
        text += f": {sides} (split seed {data.split_seed})"
    # `make_split` ensures this, so that no test image was trained on as a copy.
    text += ". Images with the same pixels are on the same side of the split. "
    text += seen_before(subject.run) or _test_words(subject)
    warnings = [
        plain_sentence(each) for each in data_warnings(subject.workspace.store, subject.run)
    ]
    return "\n\n".join([text, *warnings])


def _test_words(subject: Subject) -> str:
    if subject.results:
        return "The test images were looked at once, at the end."
    return "The test images were not looked at."


_SIDES = {"train": "training", "val": "validation", "test": "the test"}


def _origin(subject: Subject) -> str:
    config = subject.run.config.model
    sentences = [f"Backbone: {subject.checkpoint.backbone.title} (`{config.backbone}`)."]
    if words := subject.run.facts.weights:
        sentences.append(plain_sentence(words))
    sentences.append(_licence(subject))
    return (
        f"## Origin, use and licence\n\n{' '.join(sentences)}\n\n"
        "Intended for telling these classes apart in images like those it was trained on. It "
        "predicts one of its classes for any image, even for one that shows none of them. It was "
        "not evaluated for decisions about people or for safety. The training images may have "
        "licences of their own, which TransferLab does not know."
    )


def _licence(subject: Subject) -> str:
    config = subject.run.config.model
    if not config.pretrained:
        return "It was trained from random weights, so no other licence applies to its weights."
    # Weights of the user's own choice come without a stated licence.
    if config.weights != "imagenet":
        return f"The licence of its initial weights ({plain(config.weights)}) is unknown."
    try:
        weights = get_backbone(config.backbone).weights
    except UnknownBackbone:
        return "The licence of its initial weights is unknown."
    return f"Licence of its initial weights: {weights.licence} ({weights.source})."


def _environment(findings: Findings) -> str:
    versions = ", ".join(f"{name} {value}" for name, value in findings.environment.items())
    return f"## Environment\n\n{versions}."
