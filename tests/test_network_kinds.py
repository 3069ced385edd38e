"""What a network may be, and what it may answer: for ``inpaint``, ``evaluate`` and ``compare``."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers, ops

from eurosat_inpaint import baselines, metrics, pretrained
from eurosat_inpaint._checks import require_fitting
from eurosat_inpaint.data import synthetic_tiles
from eurosat_inpaint.masks import line_masks
from eurosat_inpaint.models import unet, wnet, wnet_stages

SIDE = 64


@pytest.fixture(scope="module")
def tiles():
    """67 tiles, a few more than a batch, and their masks."""
    images, _, _ = synthetic_tiles(67, seed=5)
    return images, line_masks(len(images), seed=5)


def answered(masked, mask):
    """What every network below answers, of NumPy arrays or tensors: known pixels, grey holes."""
    return masked + 0.5 * (1 - mask)


def darker(masked):
    return 0.5 * masked


def inputs_of(*names, sides=(SIDE, SIDE), channels=None, dtype=None):
    sizes = channels or {"masked": 3, "mask": 1, "x": 3, "m": 1}
    return {name: keras.Input((*sides, sizes[name]), name=name, dtype=dtype) for name in names}


def functional(structure, names=("masked", "mask"), **settings):
    given = inputs_of(*names, **settings)
    return keras.Model(structure(given), answered(*given.values()))


class OfList(keras.Model):
    def call(self, inputs):
        masked, mask = inputs
        return answered(masked, mask)


class OfDictionary(keras.Model):
    def call(self, inputs, training=False):
        return answered(inputs["masked"], inputs["mask"])


class OfTwo(keras.Model):
    def call(self, masked, mask):
        return answered(masked, mask)


class OfTwoOneOptional(keras.Model):
    def call(self, masked, mask=None):
        return masked if mask is None else answered(masked, mask)


class OfMany(keras.Model):
    def call(self, *inputs):
        masked, mask = inputs
        return answered(masked, mask)


class OfFour(keras.Model):
    def call(self, inputs):
        return answered(inputs[..., :3], ops.split(inputs, [3], axis=-1)[1])


class ALayer(layers.Layer):
    def call(self, inputs):
        return answered(*inputs)


class ListOfOne(OfList):
    def call(self, inputs):
        return [super().call(inputs)]


def of_four():
    given = keras.Input((SIDE, SIDE, 4))
    return keras.Model(given, answered(given[..., :3], given[..., 3:]))


TAKES_BOTH = {
    "list": lambda: functional(lambda given: [*given.values()]),
    "tuple": lambda: functional(lambda given: (*given.values(),)),
    "mask first": lambda: functional(lambda given: [*given.values()][::-1]),
    "dictionary": lambda: functional(lambda given: given),
    "dictionary of other keys": lambda: functional(lambda given: given, ("x", "m")),
    "list of other names": lambda: functional(lambda given: [*given.values()], ("x", "m")),
    "any size": lambda: functional(lambda given: [*given.values()], sides=(None, None)),
    "channels not said, told by name": lambda: functional(
        lambda given: given, channels={"masked": None, "mask": None}
    ),
    "in float64": lambda: functional(lambda given: [*given.values()], dtype="float64"),
    "in float16": lambda: functional(lambda given: [*given.values()], dtype="float16"),
    "nested": lambda: functional(lambda given: [given["masked"], {"m": given["mask"]}]),
    "four channels": of_four,
    "output in a dictionary": lambda: keras.Model(
        (given := inputs_of("masked", "mask")), {"restored": answered(*given.values())}
    ),
    "subclass of a list": OfList,
    "subclass of a dictionary": OfDictionary,
    "subclass of two arguments": OfTwo,
    "subclass of two arguments, one optional": OfTwoOneOptional,
    "subclass of any number": OfMany,
    "subclass of four channels": OfFour,
    "subclass with a list of one": ListOfOne,
    "layer": ALayer,
    "Lambda": lambda: layers.Lambda(lambda inputs: answered(*inputs)),
}


class OfMasked(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = keras.Sequential([layers.Conv2D(3, 1, activation="sigmoid")])

    def call(self, inputs, training=None):
        return 0.0 * self.inner(inputs) + darker(inputs)


def of_masked(structure=lambda given: given):
    given = keras.Input((SIDE, SIDE, 3))
    return keras.Model(structure(given), darker(given))


TAKES_MASKED = {
    "one input": of_masked,
    "list of one input": lambda: of_masked(lambda given: [given]),
    "dictionary of one input": lambda: of_masked(lambda given: {"tile": given}),
    "Sequential": lambda: keras.Sequential([keras.Input((SIDE, SIDE, 3)), layers.Rescaling(0.5)]),
    "unbuilt Sequential": lambda: keras.Sequential([layers.Rescaling(0.5)]),
    "subclass of one input": OfMasked,
    "layer of one input": lambda: layers.Rescaling(0.5),
}


@pytest.mark.parametrize("kind", [*TAKES_BOTH, *TAKES_MASKED])
def test_every_kind_of_network_restores_and_is_scored(kind, tiles):
    images, masks = tiles
    masked = images / np.float32(255) * masks
    expected = answered(masked, masks) if kind in TAKES_BOTH else darker(masked)
    network = (TAKES_BOTH | TAKES_MASKED)[kind]()
    tolerance = 1e-3 if "float16" in kind else 1e-6
    restored = pretrained.restore_in_batches(network, masked, masks)
    np.testing.assert_allclose(restored, expected, atol=tolerance)
    inpainted = pretrained.inpaint(images / np.float32(255), masks, network)
    holes = np.broadcast_to(masks == 0, images.shape)
    np.testing.assert_allclose(inpainted[holes], expected[holes], atol=tolerance)
    np.testing.assert_array_equal(inpainted[~holes], (images / np.float32(255))[~holes])
    score = metrics.evaluate(network, images[:3], masks[:3])["mse"]
    assert score == pytest.approx(metrics.mse(images[:3], expected[:3]).mean(), abs=tolerance)


def three_inputs():
    given = inputs_of("masked", "mask") | {"edges": keras.Input((SIDE, SIDE, 1), name="edges")}
    return keras.Model([*given.values()], answered(given["masked"], given["mask"]) * given["edges"])


def two_of_three_channels():
    given = [keras.Input((SIDE, SIDE, 3)), keras.Input((SIDE, SIDE, 3))]
    return keras.Model(given, given[0] + given[1])


def flat():
    given = keras.Input((SIDE * SIDE * 3,))
    return keras.Model(given, layers.Reshape((SIDE, SIDE, 3))(given))


def of_bytes():
    given = keras.Input((SIDE, SIDE, 3), dtype="uint8")
    return keras.Model(given, layers.Rescaling(1 / 255)(given))


class Broken(keras.Model):
    def call(self, inputs):
        raise RuntimeError("a fault of its own")


class OfThree(keras.Model):
    def call(self, masked, mask, edges):
        return answered(masked, mask)


REFUSED_NETWORKS = {
    "three inputs": (three_inputs, "other inputs"),
    "two tiles": (two_of_three_channels, "other inputs"),
    "flat": (flat, "other inputs"),
    "bytes": (of_bytes, "other inputs.*uint8"),
    "mask alone": (
        lambda: keras.Model((m := keras.Input((SIDE, SIDE, 1))), layers.Concatenate()([m, m, m])),
        "other inputs",
    ),
    "two outputs": (
        lambda: wnet_stages(
            wnet(first={"filters": (2,), "blocks": (1,)}, filters=(2,), blocks=(1,))
        ),
        "one output.*got 2",
    ),
    "broken subclass": (Broken, "cannot be called.*a fault of its own"),
    "subclass of three": (OfThree, "cannot be called"),
    "another size": (lambda: unet(32, filters=2, depth=1), r"must have shape \(n, 32, 32, 3\)"),
}


@pytest.mark.parametrize("kind", REFUSED_NETWORKS)
def test_other_networks_are_refused_alike(kind, tiles):
    images, masks = (part[:3] for part in tiles)
    build, message = REFUSED_NETWORKS[kind]
    network = build()
    for call in (
        lambda: pretrained.inpaint(images, masks, network),
        lambda: metrics.evaluate(network, images, masks),
        lambda: metrics.score_tiles(network, images, masks),
        lambda: metrics.compare({"own": network}, images, masks),
    ):
        with pytest.raises(ValueError, match=message) as caught:
            call()
        assert len(str(caught.value)) < 1500
        if kind != "another size":
            assert "masked tiles" in str(caught.value) or "restored tiles" in str(caught.value)


NO_METHODS = {
    "None": None,
    "number": 3,
    "name of a fill": "push_pull",
    "class": keras.Model,
    "builder": unet,
    "function of one": lambda masked: masked,
    "function of three": lambda masked, mask, more: masked,
    "what tf.saved_model.load may give": tf.Module(),
}


@pytest.mark.parametrize("kind", NO_METHODS)
def test_what_cannot_be_called_is_refused_by_its_argument(kind, tiles):
    images, masks = (part[:3] for part in tiles)
    model = NO_METHODS[kind]
    with pytest.raises((TypeError, ValueError), match="^model must be "):
        pretrained.inpaint(images, masks, model)
    with pytest.raises(TypeError, match="^model must be a Keras network, or be callable"):
        metrics.evaluate(model, images, masks)

    def unused(masked, mask):
        pytest.fail("the first method was called before the second was looked at")

    with pytest.raises(TypeError, match=r"^methods\['own'\] must be a Keras network, or be"):
        metrics.compare({"unused": unused, "own": model}, images, masks)


def test_an_error_inside_a_callable_says_how_it_was_called(tiles):
    images, masks = (part[:3] for part in tiles)

    def broken(masked, mask):
        return masked.numpy()

    with pytest.raises(AttributeError) as caught:
        metrics.evaluate(broken, images, masks)
    assert caught.value.__notes__ == [
        "model was called as model(masked, mask), both NumPy arrays of float32, of shapes "
        "(3, 64, 64, 3) and (3, 64, 64, 1)."
    ]


@pytest.mark.parametrize("methods", [{}, [], None, baselines.mean, "unet"])
def test_no_methods_are_refused(methods, tiles):
    with pytest.raises(TypeError, match="^methods "):
        metrics.compare(methods, *(part[:3] for part in tiles))


# What a network answers


class Answers(keras.layers.Layer):
    """Answers the masked tiles, changed by a function of NumPy arrays."""

    def __init__(self, change):
        super().__init__()
        self.change = change

    def call(self, inputs):
        masked, mask = (np.asarray(part) for part in inputs)
        return self.change(masked, mask)


def with_value(value, where):
    """Answers one value in one pixel of tile 2: a hole, or a known pixel."""

    def change(masked, mask):
        answer = np.array(answered(masked, mask))
        if len(answer) > 2:
            place = np.argwhere(mask[2, ..., 0] == (where == "known"))[9]
            answer[(2, *place, 1)] = value
        return answer

    return change


WILD = {"NaN": np.nan, "infinity": np.inf, "-infinity": -np.inf, "1.05": 1.05, "-0.05": -0.05}


@pytest.mark.parametrize("value", WILD)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_hole_outside_0_to_1_is_refused(value, dtype, tiles):
    images, masks = (part[:5] for part in tiles)
    images = images if dtype == np.uint8 else (images / 255).astype(dtype)
    message = (
        "must return values in .*sigmoid" if "." in value else "must return finite .*tile 2 from"
    )
    change = with_value(WILD[value], "hole")
    with pytest.raises(ValueError, match=f"^model {message}"):
        pretrained.inpaint(images, masks, Answers(change))
    for method in (change, Answers(change)):
        with pytest.raises(ValueError, match=f"^model {message}"):
            metrics.evaluate(method, images, masks)
    with pytest.raises(ValueError, match=rf"^methods\['own'\] {message}"):
        metrics.compare({"own": change}, images, masks)


@pytest.mark.parametrize("value", WILD)
def test_what_a_network_says_of_known_pixels_is_ignored_by_inpaint(value, tiles):
    images, masks = (part[:5] for part in tiles)
    restored = pretrained.inpaint(images, masks, Answers(with_value(WILD[value], "known")))
    np.testing.assert_array_equal(restored, pretrained.inpaint(images, masks, Answers(answered)))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_answers_of_every_float_are_taken(dtype, tiles):
    images, masks = (part[:5] for part in tiles)
    network = Answers(lambda masked, mask: ops.cast(answered(masked, mask), dtype))
    expected = pretrained.inpaint(images, masks, Answers(answered))
    restored = pretrained.inpaint(images, masks, network)
    assert np.abs(restored.astype(int) - expected).max() <= (1 if dtype == "bfloat16" else 0)
    score = metrics.evaluate(network, images, masks)["mse_holes"]
    assert score == pytest.approx(metrics.evaluate(answered, images, masks)["mse_holes"], rel=0.01)


OTHER_ANSWERS = {
    "bytes": lambda masked, mask: np.rint(masked * 255).astype(np.uint8),
    "integers": lambda masked, mask: masked.astype(np.int64),
    "booleans": lambda masked, mask: masked > 0,
    "complex": lambda masked, mask: masked.astype(complex),
    "objects": lambda masked, mask: masked.astype(object),
    "strings": lambda masked, mask: masked.astype(str),
    "nothing": lambda masked, mask: None,
    "masked array": lambda masked, mask: np.ma.masked_array(masked),
    "a pair": lambda masked, mask: (masked, mask),
    "flat": lambda masked, mask: masked.reshape(len(masked), -1),
    "channels first": lambda masked, mask: masked.transpose(0, 3, 1, 2),
}


@pytest.mark.parametrize("kind", OTHER_ANSWERS)
def test_other_answers_are_refused(kind, tiles):
    images, masks = (part[:3] for part in tiles)
    with pytest.raises((TypeError, ValueError), match="^(model must|what model returns must)"):
        metrics.evaluate(OTHER_ANSWERS[kind], images, masks)


def test_a_method_that_fills_its_argument_leaves_the_callers_arrays(tiles):
    images, masks = (part[:3] for part in tiles)

    def in_place(masked, mask):
        masked += 0.5 * (1 - mask)
        mask[:] = 7
        return masked

    given = [images / np.float32(255) * masks, masks.copy()]
    before = [part.copy() for part in given]
    pretrained.restore_in_batches(in_place, *given)
    metrics.evaluate(in_place, *given)
    for part, former in zip(given, before, strict=True):
        np.testing.assert_array_equal(part, former)


class Unbuilt(keras.Model):
    def call(self, inputs):
        return inputs


@pytest.mark.parametrize("kind", ["mask first", "four channels", "dictionary", "layer"])
def test_a_training_refuses_networks_that_it_does_not_feed(kind, tiles):
    images = tiles[0][:2]
    with pytest.raises(TypeError, match="^model must be a Keras model whose first input takes"):
        require_fitting("images", images, TAKES_BOTH[kind]())


@pytest.mark.parametrize("model", [Unbuilt, keras.Sequential, flat, three_inputs, lambda: None])
def test_a_training_refuses_what_does_not_say_its_inputs(model, tiles):
    with pytest.raises(TypeError, match="^model must be a Keras model whose first input takes"):
        require_fitting("images", tiles[0][:2], model())
