"""A heat-map lies where the image decides, whatever the network is made of."""

import pytest
import torch
from backbones.families import FAMILIES, every_family, images_for, library_model
from torch import nn

from tl_core.backbones import TransferModel, build_model, get_backbone
from tl_core.config import ModelConfig
from tl_core.errors import NotExplainable
from tl_core.evaluation.explain import METHODS, deepest_grid, heat_map

SIDE, CORNER = 32, 10


def transfer_model(name: str, **settings) -> TransferModel:
    config = ModelConfig(backbone=name, image_size=FAMILIES[name], **settings)
    return build_model(get_backbone(name), config, 3, library_model(name)).eval()


@every_family(["resnet18", "swin_t", "deit_tiny_distilled_patch16_224"])
def test_every_family_has_a_map_of_what_it_is_shown(name: str):
    model, [image, _] = transfer_model(name), images_for(name)
    before = model(image[None])
    heat = heat_map(model, image[None], label=1)
    assert heat.shape == image.shape[1:] and heat.dtype == torch.float32
    assert heat.isfinite().all() and heat.min() >= 0 and heat.max() in (0, 1)
    assert model(image[None]).equal(before)


def test_a_class_token_is_looked_at_before_it_has_gathered_all():
    image = images_for("vit_tiny_patch16_224")[:1]
    model = transfer_model("vit_tiny_patch16_224")
    values, rest = deepest_grid(model, image)
    assert values.equal(model.stages[:-1](image))
    assert rest(values).allclose(model(image), atol=1e-5)


def test_a_map_is_looked_at_where_it_is_pooled():
    image = images_for("mobilenet_v2")[:1].repeat(1, 1, 2, 2)
    model = transfer_model("mobilenet_v2")
    assert deepest_grid(model, image)[0].equal(model.stages(image))


def pictures(n: int, seed: int, by: str = "shape") -> tuple[torch.Tensor, torch.Tensor]:
    """Draw noise whose class shows in the top left corner: stripes across or down, red or green."""
    generator = torch.Generator().manual_seed(seed)
    images, labels = torch.randn(n, 3, SIDE, SIDE, generator=generator), torch.arange(n) % 2
    across = (torch.arange(CORNER) // 2 % 2 * 4.0 - 2).expand(3, CORNER, CORNER)
    red = torch.tensor([2.0, -2.0, 0.0])[:, None, None].expand(3, CORNER, CORNER)
    corners = {"shape": (across.mT, across), "colour": (-red, red)}[by]
    for image, label in zip(images, labels.tolist(), strict=True):
        image[:, :CORNER, :CORNER] = corners[label]
    return images, labels


def trained(by: str) -> TransferModel:
    """A small net that has learned to tell the corners apart."""
    torch.manual_seed(0)
    stages = [
        nn.Sequential(nn.Conv2d(a, 16, 5, s, 2), nn.ReLU(inplace=True))
        for a, s in ((3, 2), (16, 1))
    ]
    head = nn.Sequential(nn.Linear(16, 2))
    model = TransferModel(stages, nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()), head)
    images, labels = pictures(64, seed=1, by=by)
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    for _ in range(60):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def corner_model() -> TransferModel:
    return trained("shape")


@pytest.mark.parametrize("by", ["shape", "colour"])
def test_what_decides_in_one_corner_is_found_there(by: str):
    model, (images, labels), half = trained(by), pictures(20, seed=2, by=by), SIDE // 2
    assert (model(images).argmax(1) == labels).all()
    for method in METHODS:
        heats = torch.stack(
            [
                heat_map(model, image[None], label, method)
                for image, label in zip(images, labels.tolist(), strict=True)
            ]
        )
        shares = heats[:, :half, :half].sum((1, 2)) / heats.sum((1, 2))
        assert shares.mean() > 0.7, method  # where a map that knows nothing has 0.25


def test_two_classes_with_one_output_are_explained_alike():
    """One sigmoid is two logits, 0 and z; a bare 0 would have no gradient."""
    images = images_for("resnet18").repeat(1, 1, 2, 2)
    config = ModelConfig(backbone="resnet18", image_size=64, output="sigmoid")
    torch.manual_seed(3)
    model = build_model(get_backbone("resnet18"), config, 2, library_model("resnet18")).eval()
    heats = [heat_map(model, images[:1], label) for label in (0, 1)]
    assert max(heat.max() for heat in heats) == 1
    assert not (
        (heats[0] > 0) & (heats[1] > 0)
    ).any()  # what speaks for the one speaks against the other


def test_where_nothing_speaks_for_a_class_the_map_is_empty(corner_model: TransferModel):
    blind = TransferModel([corner_model.stages], corner_model.pool, nn.Sequential(nn.Linear(16, 2)))
    nn.init.zeros_(blind.head[0].weight)
    for method in METHODS:
        assert heat_map(blind.eval(), pictures(1, 3)[0], 0, method).max() == 0


def test_a_network_without_a_grid_says_what_to_do_instead():
    whole = TransferModel(
        [nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE**2, 8))], nn.Flatten(), nn.Linear(8, 2)
    )
    with pytest.raises(NotExplainable, match="Occlusion works"):
        heat_map(whole.eval(), pictures(1, 3)[0], 0)
    assert heat_map(whole, pictures(1, 3)[0], 0, "occlusion").max() == 1


def test_answers_that_are_no_numbers_have_no_map(corner_model: TransferModel):
    broken = TransferModel([corner_model.stages], corner_model.pool, nn.Linear(16, 2)).eval()
    nn.init.constant_(broken.head.weight, float("nan"))
    for method in METHODS:
        with pytest.raises(NotExplainable, match="not a number"):
            heat_map(broken, pictures(1, 3)[0], 0, method)
