"""Can a restored tile be told from a true one, whatever its error? See notebook 04.

Measures that count how much texture there is can be served with any pattern. These cannot: a
pattern has its waves, and a classifier that has learnt to tell patterns from land.
"""

import math

import numpy as np

from eurosat_inpaint._checks import as_masks, as_tile_pair, require_choice
from eurosat_inpaint.metrics.sharpness import summed_power

# Side of a patch, and steps from patch to patch, in pixels.
_PATCH, _STEP = 12, 4
# Patches of one tile at most, spread evenly over those that it has.
_MOST = 4
# Far below the squared coefficient of a patch that differs by one level of 255 somewhere.
_LEAST_POWER = 1e-7
_PENALTY = 1e-3
_PERCENTILE = 99.5
_EPOCHS, _PATCHES_PER_BATCH, _LEAST_STEPS = 10, 128, 200


def spectral_peak(tiles: np.ndarray, restored: np.ndarray) -> float:
    """How far the strongest of all waves is above what true tiles have of it; 1 is right.

    Power is that of each of the height x width waves of the orthonormal two-dimensional cosine
    transform of the mean over the channels, averaged over the tiles. Stripes and grids put much of
    it into few waves. Returned is not the largest of the ratios, restored over true, but their
    99.5th percentile, which does not hang on a single wave.

    Args:
        tiles, restored: (n, height, width, 3): uint8, or float in [0, 1].

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for shapes that differ, values outside [0, 1], NaN, or true tiles that lack a
            wave altogether.

    Example:
        >>> tiles = np.random.default_rng(0).random((50, 16, 16, 3))
        >>> stripes = np.arange(16) % 2 - 0.5
        >>> striped = 0.25 + tiles / 2 + 0.4 * stripes[:, None, None]
        >>> spectral_peak(tiles, tiles), spectral_peak(tiles, striped) > 5
        (1.0, True)
    """
    true_power, power = (summed_power(images) for images in as_tile_pair(tiles, restored))
    if true_power.min() == 0:
        raise ValueError("tiles must hold some of every wave, but one or more have no power")
    return peak_of(true_power, power)


def referee_accuracy(
    tiles: np.ndarray, restored: np.ndarray, masks: np.ndarray, kind: str = "linear"
) -> float:
    """How often a classifier is right that has learnt to tell restored patches from true ones.

    0.5 is guessing, and the best; 1 means that every patch gives itself away. Patches are 12 x 12
    pixels, every fourth position across and down, all hole, four of a tile at most, rounded to
    8 bits and averaged over the channels: of a tile restored and true ones from the same places.
    The referee learns on every other tile and is asked about the rest, then the other way round: it
    cannot have learnt a tile by heart. After the classifier two-sample test of Lopez-Paz and Oquab,
    "Revisiting classifier two-sample tests" (ICLR 2017).

    The linear referee looks at the logarithm of the power of each of the 144 waves, after Frank et
    al., "Leveraging frequency analysis for deep fake image recognition" (ICML 2020), by logistic
    regression. It knows how strong waves are, and not where. The convolutional one, of three layers
    of 3 x 3, looks at the pixels themselves, less their mean. Keras trains it for ten passes,
    of few patches for more; it takes some seconds.

    Args:
        tiles, restored: (n, height, width, 3): uint8, or float in [0, 1]; a hundred tiles or more,
            where the answer is to mean something.
        masks: (n, height, width, 1), 1 = known, 0 = hole.
        kind: "linear" or "convolutional".

    Raises:
        TypeError: for what is no real numbers.
        ValueError: for another kind, shapes that differ, values outside [0, 1], NaN, masks that are
            not 0 and 1 only, or a half of the tiles without a patch that is all hole.

    Example:
        >>> import eurosat_inpaint as ei
        >>> images = ei.data.load_tiles("validation", source="synthetic").images
        >>> masks = ei.masks.line_masks(len(images), seed=0)
        >>> blurred = ei.inpaint(images, masks)
        >>> referee_accuracy(images, blurred, masks) > 0.8
        True
    """
    require_choice("kind", kind, ("linear", "convolutional"))
    tiles, restored = as_tile_pair(tiles, restored)
    masks = as_masks("masks", masks, tiles.shape)
    true_patches, counts = patches_in_holes(tiles, masks)
    if min(counts[::2].sum(), counts[1::2].sum()) == 0:
        raise ValueError(
            f"masks must leave patches of {_PATCH} x {_PATCH} pixels that are all hole, in even "
            "and in odd tiles"
        )
    return float(
        told_apart(true_patches, patches_in_holes(restored, masks)[0], counts, kind).mean()
    )


def patches_in_holes(images: np.ndarray, masks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Grey patches that are all hole, float32 (k, 12, 12), and how many each tile has, (n,)."""
    grey = (np.rint(images * 255).mean(axis=-1) / 255).astype(np.float32)
    patches, holes = (
        np.lib.stride_tricks.sliding_window_view(of, (_PATCH, _PATCH), axis=(1, 2))[
            :, ::_STEP, ::_STEP
        ]
        for of in (grey, masks[..., 0] == 0)
    )
    whole = np.asarray(holes.all(axis=(-2, -1)))
    number = whole.reshape(len(whole), -1).cumsum(axis=1)
    total = np.maximum(number[:, -1:], 1)
    chosen = number * _MOST // total > (number - 1) * _MOST // total
    whole &= chosen.reshape(whole.shape)
    return patches[whole], whole.sum(axis=(1, 2))


def told_apart(
    true_patches: np.ndarray, patches: np.ndarray, counts: np.ndarray, kind: str = "linear"
) -> np.ndarray:
    """Which patches the referee tells rightly, bool (2, k): the true ones, the restored ones.

    Args:
        true_patches, patches, counts: of :func:`patches_in_holes`, some in even tiles and some in
            odd ones.
        kind: as of :func:`referee_accuracy`.
    """
    look, learn = (_spectra, _linear) if kind == "linear" else (_deviations, _convolutional)
    features = look(np.concatenate([true_patches, patches]))
    is_true = np.repeat([True, False], len(patches))
    odd = np.tile(np.repeat(np.arange(len(counts)) % 2 == 1, counts), 2)
    rights = np.empty(len(features), bool)
    for half in (odd, ~odd):
        rights[~half] = learn(features[half], is_true[half], features[~half]) == is_true[~half]
    return rights.reshape(2, -1)


def peak_of(true_power: np.ndarray, power: np.ndarray) -> float:
    """:func:`spectral_peak`, given the power of each wave."""
    return float(np.percentile(power / true_power, _PERCENTILE))


def _spectra(patches):
    from scipy.fft import dctn

    # In place: of many tiles there are many patches.
    power = dctn(patches, axes=(1, 2), norm="ortho", overwrite_x=True)
    power *= power
    power += np.float32(_LEAST_POWER)
    return np.log(power, out=power).reshape(len(patches), -1)


def _linear(features, is_true, asked):
    """Answers of a logistic regression, with a small penalty on the weights, by L-BFGS."""
    from scipy.optimize import minimize
    from scipy.special import expit

    mean, deviation = features.mean(axis=0), features.std(axis=0) + 1e-9
    for of in (features, asked):
        of -= mean
        of /= deviation
    sign = np.where(is_true, 1.0, -1.0)

    def logits(weights, of):
        return of @ weights[1:].astype(np.float32) + weights[0]

    def loss(weights):
        margin = sign * logits(weights, features)
        value = np.logaddexp(0, -margin).mean() + _PENALTY / 2 * weights[1:] @ weights[1:]
        pull = -sign * expit(-margin) / len(features)
        slope = pull.astype(np.float32) @ features + _PENALTY * weights[1:]
        return value, np.r_[pull.sum(), slope]

    start = np.zeros(1 + features.shape[1])
    return logits(minimize(loss, start, jac=True, method="L-BFGS-B").x, asked) > 0


def _deviations(patches):
    deviations = patches - patches.mean(axis=(1, 2), keepdims=True)
    return (deviations[..., None] / deviations.std()).astype(np.float32)


def _convolutional(patches, is_true, asked):
    import keras
    from keras import layers

    def kernel(seed):
        # By seeds of their own: the global ones stay as they are.
        return keras.initializers.HeNormal(seed)

    network = keras.Sequential(
        [
            keras.Input((_PATCH, _PATCH, 1)),
            layers.Conv2D(16, 3, 1, "same", activation="relu", kernel_initializer=kernel(0)),
            layers.Conv2D(32, 3, 2, "same", activation="relu", kernel_initializer=kernel(1)),
            layers.Conv2D(32, 3, 1, "same", activation="relu", kernel_initializer=kernel(2)),
            layers.GlobalAveragePooling2D(),
            layers.Dense(1, kernel_initializer=kernel(3)),
        ]
    )
    network.compile(keras.optimizers.Adam(2e-3), keras.losses.BinaryCrossentropy(from_logits=True))
    random = np.random.default_rng(0)
    least = math.ceil(_LEAST_STEPS * _PATCHES_PER_BATCH / len(patches))
    passes = max(_EPOCHS, least)

    def batches():
        for _ in range(passes):
            order = random.permutation(len(patches))
            for k in range(0, len(order), _PATCHES_PER_BATCH):
                batch = order[k : k + _PATCHES_PER_BATCH]
                yield patches[batch], is_true[batch, None].astype(np.float32)

    # All passes in one: `fit` takes longer to begin than a pass over few patches does.
    steps = passes * math.ceil(len(patches) / _PATCHES_PER_BATCH)
    network.fit(batches(), steps_per_epoch=steps, shuffle=False, verbose=0)
    return network.predict(asked, 1024, verbose=0)[:, 0] > 0
