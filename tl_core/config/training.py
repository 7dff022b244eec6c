"""Settings of training."""

from typing import Literal

from tl_core.config.choice import Choice, knob

OptimizerName = Literal["gd", "sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"]
ScheduleName = Literal["constant", "step", "exponential", "cosine", "one-cycle", "plateau"]
USUAL_BATCH = 32


class TrainConfig(Choice):
    epochs: int = knob(5, "Times the model sees every training image.", ge=1, le=1000)
    batch_size: int | None = knob(
        None,
        "Images the model looks at before it adjusts its weights once; empty takes what suits "
        "this machine.",
        ge=1,
        le=4096,
    )
    accumulate: int = knob(
        1,
        "Batches whose gradients are added up before one adjustment: a bigger batch in the same "
        "memory.",
        ge=1,
        le=1024,
    )
    seed: int = knob(
        0,
        "Seed of all random choices: the head's initial weights, the order of the images, the "
        "augmentation.",
        ge=0,
        lt=2**32,
    )

    unfreeze: Literal["never", "two-phase", "gradual"] = knob(
        "never",
        "When frozen stages begin to learn: never; after a first phase for the head alone "
        "(two-phase); or one more every few epochs, from the top (gradual).",
    )
    head_epochs: int = knob(
        3,
        "Epochs at the start in which only the head learns; used by two-phase and gradual.",
        ge=1,
        le=1000,
    )
    fine_tune_rate: float = knob(
        0.1,
        "Two-phase: factor of all learning rates once stages are unfrozen.",
        gt=0,
        le=1,
    )
    unfreeze_every: int = knob(
        1, "Epochs between one stage and the next when unfreezing gradually.", ge=1, le=1000
    )

    optimizer: OptimizerName = knob(
        "adamw", "The rule that turns the gradient of the loss into a step of the weights."
    )
    momentum: float = knob(
        0.9,
        "How much of the last step is kept in the next; used by momentum, nesterov and rmsprop.",
        ge=0,
        # At 1, steps would never fade, and the weights would run away.
        lt=1,
    )
    learning_rate: float | None = knob(
        None, "Step size for the head; empty takes what suits the optimizer.", gt=0, le=10
    )
    backbone_learning_rate: float | None = knob(
        None,
        "Step size for unfrozen stages; empty takes a tenth of the head's, or all of it from "
        "scratch.",
        gt=0,
        le=10,
    )
    layer_decay: float = knob(
        1.0,
        "Discriminative rates: each stage learns at this fraction of the rate of the next one "
        "towards the head.",
        gt=0,
        le=1,
    )
    schedule: ScheduleName = knob("cosine", "How the learning rate changes over the run.")
    warm_up: float = knob(
        0.1,
        "Share of the steps in which the rate rises from nearly 0; used by all but one-cycle and "
        "plateau.",
        ge=0,
        lt=1,
    )
    step_epochs: int = knob(10, "Epochs between two drops of the step schedule.", ge=1, le=1000)
    decay: float = knob(
        0.5,
        "Factor of the rate: at each drop (step, plateau), or over each epoch (exponential).",
        gt=0,
        lt=1,
    )
    plateau_patience: int = knob(
        2,
        "Epochs without a better validation loss before the plateau schedule drops the rate.",
        ge=0,
        le=1000,
    )

    loss: Literal["cross-entropy", "focal"] = knob(
        "cross-entropy",
        "Loss that training minimises: cross-entropy, or focal loss, which weighs hard images "
        "more.",
    )
    focal_gamma: float = knob(
        2.0, "How strongly focal loss down-weights images that are already right.", ge=0, le=10
    )
    label_smoothing: float = knob(
        0.0,
        "Share of certainty taken from the true class and spread over all, against overconfidence.",
        ge=0,
        # At 1, the true class would get no more than any other.
        lt=1,
    )
    class_balance: Literal["none", "weights", "sampling"] = knob(
        "none",
        "What to do when classes differ in size: nothing, count rare classes more in the loss "
        "(weights), or show them more often (sampling).",
    )

    weight_decay: float = knob(0.01, "A gentle pull of every weight towards zero.", ge=0, le=1)
    l2_sp: float = knob(
        0.0,
        "A pull of the backbone's weights towards the pretrained ones they started from (L2-SP).",
        ge=0,
        le=1,
    )
    mixup: float = knob(
        0.0,
        "Blends pairs of images and their labels; the number is how evenly (alpha), 0 is off.",
        ge=0,
        le=10,
    )
    cutmix: float = knob(
        0.0,
        "Pastes a piece of one image into another and mixes their labels; alpha, 0 is off.",
        ge=0,
        le=10,
    )
    early_stopping: int = knob(
        0,
        "Epochs without a better validation loss after which training ends (patience); 0 is off.",
        ge=0,
        le=1000,
    )
    min_delta: float = knob(
        0.0,
        "How much smaller the validation loss must be to count as better, for early stopping.",
        ge=0,
        le=10,
    )
    ema: float = knob(
        0.0,
        "Evaluates a running average of the weights; the value is its decay per step, such as "
        "0.99; 0 is off.",
        ge=0,
        # At 1, the average would stay at the first weights for ever.
        lt=1,
    )
    clip_norm: float = knob(
        0.0,
        "Largest norm of the gradient; a larger one is scaled down to it. 0 is off.",
        ge=0,
        le=1000,
    )

    views: int | None = knob(
        None,
        "With frozen stages: augmented versions cached of each training image, of which each "
        "epoch draws one; empty takes 2 for 3,000 images or more, up to 5 for fewer.",
        ge=1,
        le=100,
    )
    feature_precision: Literal["float32", "float16"] = knob(
        "float32",
        "Precision of cached activations: float32, or float16, which takes half the disk space.",
    )

    @property
    def images_per_batch(self) -> int:
        """Batch size; the usual one as long as none was chosen for the machine."""
        return self.batch_size or USUAL_BATCH
