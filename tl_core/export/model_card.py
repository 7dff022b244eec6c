"""Model card: contents and use of the folder, and origin and quality of the model."""

from collections.abc import Iterator, Sequence

from tl_core.backbones import get_backbone
from tl_core.errors import UnknownBackbone
from tl_core.export.card_figures import figures_of, share_words, sizes_and_speeds
from tl_core.export.findings import Findings
from tl_core.export.markdown import plain, plain_sentence
from tl_core.export.receipt import Receipt
from tl_core.export.subject import Subject
from tl_core.runs.summary import seen_before

_FILES = {
    "model.safetensors": "the weights, for PyTorch and for TransferLab; tensors are named `stages.<number>.` and then "
    "as in the backbone's own library, and `head.`",
    "model.onnx": "the whole network; labels and preprocessing are in its metadata (`labels`, `preprocess`, as JSON). "
    "Input `images`, float32 [batch, 3, size, size]; output `logits`, float32 [batch, labels]",
    "model.int8.onnx": "the same in 8 bits",
    "model.torchscript.pt": "the same for `torch.jit.load`",
    "predict.py": "asks the model about images; needs onnxruntime, numpy and pillow",
    "verify.py": "tells whether the model still answers as it did in its test, by the images in `receipt/`",
    "train.py": "trains it again; its first lines say what to install",
    "start.pth": "every weight before training, for train.py (`torch.load`); named as in the backbone's own library",
    "split.csv": "which image was for training, validation and test",
    "preprocess.json": "how images are read and resized for this model; `model.onnx` holds the same, and `predict.py` "
    "refuses to answer where the two differ",
    "labels.json": "the labels in the order of the model's outputs",
    "labels.txt": "the same, one a line; line breaks, tabs and backslashes in a label are written `\\n`, `\\r`, `\\t`, "
    "`\\\\`",
    "config.json": "every setting of the run",
    "metrics.json": "every figure below, and more",
    "predictions.csv": "what the model said to each test image. A cell that a spreadsheet would take for a formula has "
    "an apostrophe in front; the numbered labels are exact",
    "requirements.txt": "what predict.py needs, in the versions it was checked with",
}


def write_card(subject: Subject, findings: Findings) -> str:
    """Model card in Markdown; user text in it is escaped."""
    parts = [
        _title(subject),
        _use(findings),
        *_limits(subject, findings),
        _contents(findings),
        _data(subject),
    ]
    parts += [
        *figures_of(subject),
        sizes_and_speeds(findings),
        _origin(subject),
        _environment(findings),
    ]
    return "\n\n".join(parts) + "\n"


def _title(subject: Subject) -> str:
    run, classes = subject.run, subject.checkpoint.classes
    said = f"# {plain(run.title or run.dataset_name)}: {len(classes)} classes\n\n"
    said += f"A model that tells {_some(classes)} apart, trained with TransferLab (run `{run.id}`) from "
    said += f"{subject.checkpoint.backbone.title}."
    if results := subject.results:
        right = round(results.test.accuracy.value * results.test.n)
        said += f" Right on **{right} of {results.test.n} test images**, {share_words(results.test.accuracy)}."
    return said


def _some(classes: Sequence[str]) -> str:
    names = [f"*{plain(name)}*" for name in classes[:6]]
    if len(classes) > 6:
        return f"{', '.join(names)} and {len(classes) - 6} more"
    return f"{', '.join(names[:-1])} and {names[-1]}"


def _use(findings: Findings) -> str:
    if "model.onnx" not in findings.files:
        return "## Use it\n\nThere is no ONNX file here, so predict.py cannot be used; it shows how images are read."
    lines = [
        "## Use it",
        "",
        "```",
        "pip install -r requirements.txt",
        "python predict.py photo.jpg",
        *(["python verify.py"] if findings.receipt else []),
        "```",
    ]
    if findings.receipt:
        lines += ["", _receipt_words(findings.receipt)]
    return "\n".join(lines)


def _receipt_words(receipt: Receipt) -> str:
    found = {what: by > receipt.tolerance for what, by in receipt.mistakes.items()}
    wrong = "; ".join(f"{what}: {by:.2g}" for what, by in receipt.mistakes.items() if found[what])
    unseen = "; ".join(what for what, is_found in found.items() if not is_found)
    said = (
        f"`verify.py` asks about {receipt.n} images of the test and compares the logarithms of the probabilities "
        f"with what the app was told. They differed by at most {receipt.difference:.1g} when this was made; it "
        f"passes up to {receipt.tolerance:g}."
    )
    said += f" Had the images been read wrongly, it would have been: {wrong}." if wrong else ""
    return said + (
        f" On these images, what makes no difference and so is not found: {unseen}."
        if unseen
        else ""
    )


def _limits(subject: Subject, findings: Findings) -> Iterator[str]:
    if said := (*subject.missing, *findings.left_out):
        yield "## What is not here\n\n" + "\n".join(f"- {plain_sentence(each)}" for each in said)


def _contents(findings: Findings) -> str:
    there = [(name, words) for name, words in _FILES.items() if name in findings.files]
    said = "## What is here\n\n" + "\n".join(f"- `{name}`: {words}" for name, words in there)
    return said + (f"\n\n{findings.training}" if findings.training else "")


def _data(subject: Subject) -> str:
    facts = subject.run.facts
    data = subject.run.config.data
    sides = ", ".join(f"{n:,} for {_SIDES[side]}" for side, n in facts.splits or ())
    said = f"## Data\n\n*{plain(subject.run.dataset_name)}*, known by its content as `{data.dataset_id}`"
    said += f": {sides} (split seed {data.split_seed})." if sides else "."
    said += " Images that are equal byte for byte are on one side. "
    once = "The test images were " + (
        "looked at once, at the end." if subject.results else "not looked at."
    )
    said += seen_before(subject.run) or once
    warnings = [plain_sentence(each) for each in facts.split_warnings]
    return "\n\n".join([said, *warnings])


_SIDES = {"train": "training", "val": "validation", "test": "the test"}


def _origin(subject: Subject) -> str:
    config = subject.run.config.model
    said = "## Origin, use and licence\n\n"
    said += f"Backbone: {subject.checkpoint.backbone.title} (`{config.backbone}`). "
    if words := subject.run.facts.weights:
        said += plain_sentence(words) + " "
    said += _licence(subject)
    said += (
        "\n\nMeant for telling these classes apart in images like those it was trained on. It answers with one of its "
        "classes whatever it is shown. It was not examined for decisions about people, nor for safety. The images it "
        "was trained on may have terms of their own, which TransferLab does not know."
    )
    return said


def _licence(subject: Subject) -> str:
    config = subject.run.config.model
    if not config.pretrained:
        return "It was trained from random weights, so no licence of others applies to its weights."
    if config.weights != "imagenet":
        return (
            f"The licence of the weights it began from ({plain(config.weights)}) is not known here."
        )
    try:
        weights = get_backbone(config.backbone).weights
    except UnknownBackbone:
        return "The licence of the weights it began from is not known here."
    return f"Licence of the weights it began from: {weights.licence} ({weights.source})."


def _environment(findings: Findings) -> str:
    return (
        "## Environment\n\n"
        + ", ".join(f"{name} {value}" for name, value in findings.environment.items())
        + "."
    )
