"""Networks are what they are, whatever Keras and TensorFlow were told before."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers_models import masked_tiles
from keras import config

from eurosat_inpaint import models, pretrained
from eurosat_inpaint.compositing import composite_layer, push_pull, push_pull_layer
from eurosat_inpaint.metrics import land_cover_features

pytestmark = pytest.mark.slow

SETTINGS = {
    "channels first": lambda: config.set_image_data_format("channels_first"),
    "float16": lambda: config.set_floatx("float16"),
    "float64": lambda: config.set_floatx("float64"),
    "epsilon": lambda: config.set_epsilon(0.1),
    "mixed float16": lambda: config.set_dtype_policy("mixed_float16"),
    "mixed bfloat16": lambda: config.set_dtype_policy("mixed_bfloat16"),
    "float64 policy": lambda: config.set_dtype_policy("float64"),
    "tracebacks": config.disable_traceback_filtering,
    "eagerly": lambda: tf.config.run_functions_eagerly(True),
    "no progress bars": config.disable_interactive_logging,
}
TINY = {"filters": (4, 6), "blocks": (1, 1)}
BUILDERS = {
    "unet": lambda: models.unet(32, filters=2, depth=2),
    "unet without mask": lambda: models.unet(32, filters=2, depth=2, mask_input=False),
    "residual_unet": lambda: models.residual_unet(32, **TINY),
    "wnet": lambda: models.wnet(32, first=TINY, **TINY),
    "patch_discriminator": lambda: models.patch_discriminator(32, filters=(4, 6)),
    "classifier": lambda: models.classifier(32),
    "gan": lambda: models.InpaintingGAN(
        models.residual_unet(32, **TINY), models.patch_discriminator(32, filters=(4, 6))
    ),
}


# Those that changed a network once; the others take their time.
QUICK = ("channels first", "float16", "mixed float16")


@pytest.fixture(
    params=[pytest.param(s, marks=[] if s in QUICK else pytest.mark.slow) for s in SETTINGS]
)
def setting(request):
    """A function that makes the setting; all are as they were after the test."""
    image_data_format, floatx = config.image_data_format(), config.floatx()
    epsilon, policy = config.epsilon(), config.dtype_policy()
    yield request.param, SETTINGS[request.param]
    config.set_image_data_format(image_data_format)
    config.set_floatx(floatx)
    config.set_epsilon(epsilon)
    config.set_dtype_policy(policy)
    config.enable_traceback_filtering()
    config.enable_interactive_logging()
    tf.config.run_functions_eagerly(False)


def randomised(model):
    random = np.random.default_rng(0)
    model.set_weights([random.uniform(0.05, 0.3, w.shape) for w in model.get_weights()])
    return model


def answer(model, masked, masks):
    given = [masked, masks] if len(model.inputs) == 2 else masked
    return model.predict_on_batch(given)


@pytest.mark.parametrize("builder", BUILDERS)
def test_every_builder_gives_the_same_network(builder, setting):
    name, make = setting
    masked, masks = masked_tiles(32)
    expected = answer(randomised(BUILDERS[builder]()), masked, masks)
    make()
    restored = answer(randomised(BUILDERS[builder]()), masked, masks)
    assert restored.dtype == expected.dtype == np.float32
    # The classical U-Net computes in the type that Keras is set to; the others in their own.
    by_policy = builder.startswith("unet") and ("float16" in name or "bfloat16" in name)
    tolerance = 0.02 if by_policy else 1e-5
    np.testing.assert_allclose(restored, expected, atol=tolerance, rtol=tolerance)
    if builder not in ("patch_discriminator", "classifier"):
        known = np.broadcast_to(masks == 1, restored.shape)
        np.testing.assert_array_equal(restored[known], masked[known])


def test_both_lambda_layers_stay_in_float32(setting):
    masked, masks = masked_tiles(32)
    setting[1]()
    inputs = [keras.Input(part.shape[1:], dtype="float32") for part in (masked, masks)]
    fill = push_pull_layer()(inputs)
    model = keras.Model(inputs, [fill, composite_layer()([inputs[0], fill, inputs[1]])])
    for filled in model.predict_on_batch([masked, masks]):
        assert filled.dtype == np.float32
        np.testing.assert_array_equal(filled, push_pull(masked, masks))


@pytest.fixture(scope="module")
def answers_of_shipped():
    """What the shipped networks answered while nothing was set, by name."""
    return {}


@pytest.mark.slow
@pytest.mark.parametrize("name", pretrained.names(task=None))
def test_every_shipped_network_loads_and_answers_alike(name, setting, answers_of_shipped):
    masked, masks = masked_tiles(n=2)

    def loaded_answer():
        model = pretrained.load(name)
        if name in pretrained.names("classification"):
            return land_cover_features(model, masked)
        if name in pretrained.names("uncertainty"):
            return model.predict_on_batch([masked, masks])
        return pretrained.restore_in_batches(model, masked, masks)

    if name not in answers_of_shipped:
        answers_of_shipped[name] = loaded_answer()
    setting[1]()
    np.testing.assert_allclose(loaded_answer(), answers_of_shipped[name], atol=1e-5, rtol=1e-5)
