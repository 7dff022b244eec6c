"""Augmentation as a whole is repeatable, independent of batches and threads, and never fails."""

import io
import random
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from making import encode, picture
from PIL import Image

from tl_core.config import AUGMENTATIONS, AugmentConfig
from tl_core.data.augment import apply_draws, preview, vary
from tl_core.data.augment_draws import draw
from tl_core.data.augment_ops import OPS
from tl_core.data.pixels import Form
from tl_core.data.transforms import prepare
from tl_core.errors import ImageUnusable
from tl_core.records import Preprocessing

PRE = Preprocessing(size=48, resize=55, mean=(0.5,) * 3, std=(0.5,) * 3, interpolation="bicubic")
ALL = AugmentConfig(
    crop=0.3,
    flip=True,
    vertical_flip=True,
    rotation=180,
    colour=0.5,
    blur=0.5,
    erasing=0.5,
    policy="rand",
)
shares = st.sampled_from([0.0, 1.0]) | st.floats(0, 1)
configs = st.builds(
    AugmentConfig,
    crop=st.sampled_from([1e-6, 0.08, 1.0]) | st.floats(0, 1, exclude_min=True),
    flip=st.booleans(),
    vertical_flip=st.booleans(),
    rotation=st.sampled_from([0.0, 180.0]) | st.floats(0, 180),
    colour=shares,
    blur=shares,
    erasing=shares,
    policy=st.sampled_from(["none", "trivial", "rand"]),
)
sizes = st.sampled_from([(1, 1), (8, 8), (1, 500), (500, 1), (3, 2)]) | st.tuples(
    st.integers(1, 80), st.integers(1, 80)
)
seeds = st.integers(0, 2**31)
property_test = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)


def textured(size: tuple[int, int] = (90, 70)) -> Image.Image:
    noise = np.random.default_rng(0).integers(-30, 30, (size[1], size[0], 3))
    return Image.fromarray(np.clip(np.asarray(picture(1, size)) + noise, 0, 255).astype(np.uint8))


@property_test
@given(configs, sizes, seeds, st.sampled_from([8, 48]))
def test_any_image_survives_any_settings(config, size, seed, side):
    pre = replace(PRE, size=side, resize=side + 4)
    pixels = vary(picture(seed % 100, size), pre, config, (seed,)).finished()
    assert pixels.dtype == torch.uint8
    assert pixels.shape == (3, side, side)


@property_test
@given(configs, st.lists(seeds, min_size=1, max_size=5))
def test_an_image_does_not_depend_on_its_batch(config, seeds):
    views = [vary(textured(), PRE, config, (seed,)) for seed in seeds]
    pixels = torch.stack([view.pixels for view in views])
    batch = apply_draws(pixels, [view.draws for view in views])
    assert torch.equal(batch, torch.stack([view.finished() for view in views]))


def test_operations_use_one_core_and_the_thread_count_is_not_changed():
    seen = []
    threads = torch.get_num_threads()

    class Watched(dict):
        def __getitem__(self, name):
            seen.append(torch.get_num_threads())
            return super().__getitem__(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tl_core.data.augment.OPS", Watched(OPS))
        vary(textured(), PRE, ALL, (0,)).finished()
    assert set(seen) == {1}
    assert torch.get_num_threads() == threads


def test_pixels_do_not_depend_on_what_other_threads_do():
    expected = [vary(textured(), PRE, ALL, (seed,)).finished() for seed in range(20)]
    found = {}

    def work(first: int):
        for seed in range(first, 20, 4):
            found[seed] = vary(textured(), PRE, ALL, (seed,)).finished()

    workers = [threading.Thread(target=work, args=(first,)) for first in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert all(torch.equal(found[seed], expected[seed]) for seed in range(20))


@given(sizes, seeds)
@settings(max_examples=20, deadline=None)
def test_without_augmentation_the_view_is_that_of_evaluation(size, seed):
    image = picture(0, size)
    assert torch.equal(vary(image, PRE, AugmentConfig(), (seed,)).finished(), prepare(image, PRE))


@pytest.mark.parametrize("config", [ALL, *AUGMENTATIONS.values(), AugmentConfig(policy="trivial")])
def test_the_input_is_not_changed(config):
    images = torch.stack([prepare(textured(), PRE)] * 8)
    before = images.clone()
    apply_draws(images, [draw(config, random.Random(seed), (90, 70)) for seed in range(8)])
    assert torch.equal(images, before)


def test_global_random_generators_are_not_used():
    states = random.getstate(), torch.get_rng_state(), np.random.get_state()[1].tolist()
    for seed in range(20):
        vary(textured(), PRE, ALL, (seed,)).finished()
    assert states[0] == random.getstate() and torch.equal(states[1], torch.get_rng_state())
    assert states[2] == np.random.get_state()[1].tolist()


def test_colours_are_kept_on_average():
    image = Image.new("RGB", (100, 80), (200, 100, 50))
    expected = torch.tensor([200.0, 100.0, 50.0])
    for name, config in AUGMENTATIONS.items():
        views = torch.stack([vary(image, PRE, config, (seed,)).finished() for seed in range(60)])
        assert torch.allclose(views.float().mean((0, 2, 3)), expected, atol=12), name


def test_documents_are_never_mirrored():
    page = Image.new("RGB", (80, 80), "black")
    page.paste("white", (0, 0, 40, 80))
    for seed in range(60):
        view = vary(page, PRE, AUGMENTATIONS["documents"], (seed,)).finished().float()
        assert view[..., :12].mean() > view[..., -12:].mean()


def test_draws_and_images_must_be_equal_in_number():
    images = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    assert torch.equal(apply_draws(images, []), images)
    with pytest.raises(ValueError, match="2 images but 1 draws"):
        apply_draws(images, [draw(ALL, random.Random(0), (8, 8))])


def test_small_crops_are_cut_from_a_finer_draft():
    assert Form(PRE).draft_side == Form(PRE, crop=0.25).draft_side == PRE.resize
    assert Form(PRE, crop=0.01).draft_side == 5 * PRE.resize


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_gives_nearly_the_same_pixels():
    views = [vary(textured(), PRE, ALL, (seed,)) for seed in range(64)]
    pixels = torch.stack([view.pixels for view in views])
    draws = [view.draws for view in views]
    there = apply_draws(pixels.cuda(), draws).cpu()
    difference = (apply_draws(pixels, draws).float() - there.float()).abs()
    assert difference.mean() < 0.5


class TestPreview:
    def test_it_shows_the_views_of_training(self):
        file = io.BytesIO(encode(textured(), "PNG"))
        shown = preview(file, PRE, ALL, n=5, seed=3, max_pixels=10**6)
        assert [image.size for image in shown] == [(48, 48)] * 5
        for number, image in enumerate(shown):
            seen = vary(textured(), PRE, ALL, (3, number)).finished()
            assert torch.equal(torch.from_numpy(np.array(image)), seen.permute(1, 2, 0))

    def test_the_seed_decides(self):
        def shown(seed: int) -> list[bytes]:
            file = io.BytesIO(encode(textured(), "JPEG"))
            return [
                image.tobytes() for image in preview(file, PRE, ALL, seed=seed, max_pixels=10**6)
            ]

        assert shown(1) == shown(1) != shown(2)
        assert len(set(shown(1))) == 8

    def test_it_is_quick(self):
        pre = replace(PRE, size=224, resize=256)
        content = encode(textured((800, 600)), "JPEG")
        times = []
        for _ in range(3):
            # The thread's own time does not depend on what else the machine does.
            started = time.thread_time()
            preview(io.BytesIO(content), pre, ALL, max_pixels=10**6)
            times.append(time.thread_time() - started)
        assert min(times) < 0.3

    def test_a_file_that_is_no_image_is_refused_with_a_reason(self):
        with pytest.raises(ImageUnusable, match="not an image"):
            preview(io.BytesIO(b"no image"), PRE, ALL, max_pixels=10**6)
