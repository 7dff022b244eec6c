"""Terms of the field, each explained once in plain words for pages and reports."""

GLOSSARY = {
    "accuracy": "The share of images the model gets right. Always look at how many images it was "
    "measured on.",
    "augmentation": "Showing the model cropped, mirrored and recoloured copies of the training "
    "images, so that it learns what matters and not the exact pixels.",
    "backbone": "A network that has already learned to see from a million photos. "
    "It turns an image into a list of features; the head turns those into a class.",
    "balanced accuracy": "Of each class the share of its images that is right, and of those the "
    "plain mean: a model that only knows the biggest class does badly.",
    "baseline": "What you would get without learning anything, by always answering the most "
    "frequent class. A model is only worth something if it beats this.",
    "batch size": "How many images the model looks at before it adjusts its weights once.",
    "calibration": "A model is well calibrated when, of all answers it is 80 % sure of, 80 in "
    "100 are right.",
    "classical models": "Models that learn in a moment, without a network: logistic regression, "
    "support vector machines, nearest neighbours, trees. Here they learn "
    "from the features that a pretrained network makes.",
    "confidence": "The probability the model gives to its own answer. A model can be confident "
    "and wrong.",
    "confusion matrix": "A table with a row for each true class and a column for each answer. "
    "Right answers lie on the diagonal; everything beside it is a mix-up.",
    "dropout": "Switching off some inputs at random during training, "
    "so that the model does not lean on any one of them.",
    "embedding map": "Each image is a point, put near images whose features are alike. Features "
    "are the numbers that the network hands to its last part, the head; "
    "hundreds of them, so that any flat map leaves something out.",
    "epoch": "One pass through all training images.",
    "export": "What it takes to use the model elsewhere, and to check that it still answers as "
    "it does here.",
    "F1": "One figure for precision and recall together (their harmonic mean). It is high only "
    "when both are.",
    "freeze": "Keeping a stage of the backbone as it is. Frozen stages need no training, "
    "which is faster and protects what they know when you have few images.",
    "Grad-CAM": "What the network has found in each place of the image, weighed by how much it "
    "speaks for the class. It takes a moment, and is as coarse as the network's last "
    "map.",
    "head": "The last part of the network, new for your classes. It always learns.",
    "heat-map": "The places of the image that speak for a class, in the model's eyes: the "
    "brighter, the more. It shows where the model looks, and not whether it is right "
    "to look there.",
    "hidden layer": "An extra layer between the backbone and the answer. "
    "It can learn more complicated rules, and needs more images for it.",
    "int8": "Whole numbers from -128 to 127 in place of 32-bit fractions. How many answers that "
    "changes is measured on the test images.",
    "training cost": "Processor time of a run, all cores added up, as if it had begun with an "
    "empty cache: what the cache saved is added. A busy machine hardly changes it. On a GPU it is "
    "the time on the clock.",
    "interval": "How sure the figure is. These images are a sample: measured on all images of "
    "this kind, the figure would most likely lie in this range (95 % interval; of a share after "
    "Wilson). Fewer images make it wider.",
    "learning curves": "Loss and accuracy after each epoch, on training and on validation images. "
    "Where training still improves and validation gets worse, the model overfits. Loss is in nats; "
    "a guess between two classes costs 0.7.",
    "learning rate": "How big a step the weights take each time. "
    "Too small and learning crawls; too big and it jumps past the goal.",
    "learning-rate finder": "Trains a copy for a moment at a rate that rises from tiny to huge. "
    "Where the loss falls fastest is a good rate; where it shoots up is far too much.",
    "loss": "How far the model's probabilities are from the truth. Training makes this smaller; "
    "0 would be perfect. Its unit is the nat: an even guess costs 0.7 among two classes, "
    "2.3 among ten.",
    "macro": "The plain mean over all classes, so that a rare class counts as much as a frequent "
    "one.",
    "occlusion": "Squares cover the image place by place; where that makes the class less "
    "likely, it was needed. It asks the model 36 times, and so takes longer. Of two "
    "things that would each do, it shows neither.",
    "optimizer": "The rule that turns the loss into changes of the weights.",
    "overfitting": "Learning the training images by heart instead of what they have in common. "
    "You see it when training still improves and validation gets worse.",
    "precision": "Of all images the model called by this class, the share that really are.",
    "preset": "A recipe: settings that go well together. It fills in the form, and you can change "
    "everything after.",
    "pretrained": "Already trained on another large set of photos, and so able to see edges, "
    "textures and shapes before it meets your images.",
    "preview": "Softmax regression (multinomial logistic regression) on the features that the "
    "frozen stages have given so far, judged on validation images.",
    "plan": "Which part of the network learns in which epoch, and in how big steps: lighter is "
    "slower.",
    "recall": "Of all images that really are of this class, the share the model found.",
    "ROC AUC": "How well its probabilities set the images of a class apart from all others: "
    "1 is perfectly, 0.5 no better than a coin.",
    "seed": "The number that fixes all chance. The same seed and settings give the same result "
    "again.",
    "stage": "A block of layers of the backbone. The first see edges and colours, the last whole "
    "objects.",
    "temperature": "A number that the logits, the scores behind the probabilities, are divided "
    "by: above 1 makes a model less sure of its answers, below 1 surer, and "
    "changes none of them.",
    "test set": "Images kept aside until the very end and looked at once, for an honest figure.",
    "torchscript": "A network and its weights in one file that PyTorch can load without the code "
    "that made it.",
    "validation": "Images the model does not learn from. They are looked at after each epoch to "
    "see how it is doing and to keep its best version.",
    "weight decay": "A gentle pull of every weight towards zero, which keeps the model simple.",
    "weights file": "Weights that you or others have trained before, in the same kind of network. "
    "The last layer is always new; of the rest everything that fits by name and shape is taken.",
}
