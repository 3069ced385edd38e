"""Train a network that ships on a GPU, by Keras' JAX backend.

    KERAS_BACKEND=jax python tools/train_on_gpu.py unet --steps 20000 --batch-size 256
    KERAS_BACKEND=jax python tools/train_on_gpu.py gan --steps 8896

The recipe is that of `python -m eurosat_inpaint train`, and so are batches of the same size. What
differs is how they get there: processes make them, some steps are one call of the GPU, all inner
layers are bfloat16, and the last weights are kept, averaged. The two networks of a GAN take the
steps that `InpaintingGAN` takes on TensorFlow, written for JAX.
"""

import argparse
import itertools
import multiprocessing
import os
import time
from functools import partial
from pathlib import Path

import numpy as np

# Batches that each process may have ready.
_READY = 4
# Steps in one call of the GPU.
_STEPS_PER_CALL = 16
# Of inner layers; faster on every GPU that has it.
_DTYPE = "mixed_bfloat16"
# Of MaskedTileBatches, beside the tiles.
_SETTINGS = ("batch_size", "seed")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", help="one of shipping.NETWORKS that restores tiles")
    parser.add_argument("--steps", type=int, required=True, help="a multiple of 16")
    parser.add_argument("--batch-size", type=int, help="by default the recipe's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=4, help="that make batches")
    parser.add_argument("--output", type=Path, help="by default runs/NAME")
    options = parser.parse_args()
    if options.steps % _STEPS_PER_CALL:
        parser.error(f"--steps must be a multiple of {_STEPS_PER_CALL}, got {options.steps}")
    training = Training(
        options.name, options.steps, options.batch_size, options.seed, options.processes
    )
    training.start_from_shipped()
    training.run()
    training.save(options.output or Path("runs") / options.name)


class Training:
    """A network on its way.

    Args:
        name: of the network, one of ``shipping.NETWORKS``.
        steps: of the whole training, a multiple of those in a call.
        batch_size: tiles per step, or None for the recipe's.
        seed: of first weights, batches and masks.
        processes: that make batches.
    """

    def __init__(self, name, steps, batch_size, seed, processes):
        import keras

        import eurosat_inpaint as ei

        self.name, self.steps, self.seed = name, steps, seed
        network = ei.shipping.NETWORKS[name]
        self.recipe = ei.training.RECIPES[network.recipe]
        self.batch_size = batch_size or self.recipe.batch_size
        self.tiles = ei.data.load_tiles("train")
        batches = ei.training.MaskedTileBatches(self.tiles.images, self.batch_size, seed=seed)
        self.feed = Feed(batches, processes)
        keras.utils.set_random_seed(seed)
        self.model = getattr(ei.models, network.builder)(**network.arguments, dtype=_DTYPE)
        self.critic = None
        if isinstance(self.recipe, ei.training.GANRecipe):
            self.critic = ei.models.patch_discriminator(dtype=_DTYPE)
            self._stepping = _AdversarialSteps(self.model, self.critic, self.recipe, steps)
        else:
            self._stepping = _Steps(self.model, self.recipe, steps)

    def start_from_shipped(self):
        """Give the network the weights that its training starts from."""
        from eurosat_inpaint import shipping

        shipping.load_start(self.model, self.name)

    def run(self):
        """Train; the model is left with the averaged weights of the last steps."""
        import jax

        state = self._stepping.state()
        call = self._compiled(state)
        behind, began = [], time.time()
        for start in range(0, self.steps, _STEPS_PER_CALL):
            batches = [self.feed.take() for _ in range(_STEPS_PER_CALL)]
            tiles, masks = (np.stack(parts) for parts in zip(*batches, strict=True))
            state, losses = call(state, tiles, masks)
            # The GPU is never more than two calls behind.
            behind.append(losses)
            if len(behind) > 2:
                loss = np.mean(behind.pop(0))
                if start % (50 * _STEPS_PER_CALL) == 0:
                    seconds = time.time() - began
                    print(f"{start:,} of {self.steps:,} steps, {seconds:.0f} s, loss {loss:.5f}")
        jax.block_until_ready(state)
        self.minutes = (time.time() - began) / 60
        self._stepping.load(state)
        self.feed.close()

    def _compiled(self, state):
        """Several steps in one: state, tiles, masks -> state, losses."""
        import jax

        side = self.tiles.images.shape[1]
        shape = (_STEPS_PER_CALL, self.batch_size, side, side)
        tiles, masks = (jax.ShapeDtypeStruct((*shape, last), np.uint8) for last in (3, 1))
        # In loops XLA's convolutions are slow on a CPU.
        unroll = jax.default_backend() == "cpu"
        scanned = partial(jax.lax.scan, self._stepping.step, unroll=unroll)
        function = jax.jit(lambda state, *data: scanned(state, data), donate_argnums=0)
        return function.lower(state, tiles, masks).compile()

    def save(self, directory):
        """Write weights and card, as ``train`` does, and the critic's weights."""
        import jax

        import eurosat_inpaint as ei

        directory.mkdir(parents=True, exist_ok=True)
        command = f"KERAS_BACKEND=jax python tools/train_on_gpu.py {self.name} --steps {self.steps}"
        if self.batch_size != self.recipe.batch_size:
            command += f" --batch-size {self.batch_size}"
        command += f" --seed {self.seed}" if self.seed else ""
        validation = ei.data.load_tiles("validation")
        facts = {
            **ei.shipping.origins_of(self.name),
            "dtype": _DTYPE,
            "seed": self.seed,
            "tiles_seen": self.steps * self.batch_size,
            "batch_size": self.batch_size,
            "minutes": round(self.minutes, 1),
            "machine": f"{jax.devices()[0].device_kind}, JAX",
            "versions": {name: ei.shipping.version(name) for name in ("jax", "keras", "numpy")},
            "command": command,
        }
        if self.critic:
            ei.training.save_weights(self.critic, directory / "discriminator.weights.h5")
            facts["discriminator_accuracy"] = self._accuracy_of_critic(validation.images)
        weights, tiles = self.model.get_weights(), (self.tiles, validation)
        ei.shipping.save_trained(self.name, weights, directory, tiles, facts)

    def _accuracy_of_critic(self, images):
        """How often the critic is right about these tiles, and about what becomes of them."""
        import eurosat_inpaint as ei

        tiles = images.astype(np.float32) / 255
        masks = ei.masks.line_masks(len(tiles), seed=ei.shipping.EVALUATION_MASK_SEED)
        restored = ei.pretrained.restore_in_batches(self.model, tiles * masks, masks)
        judge = partial(self.critic.predict, batch_size=64, verbose=0)
        logits = [judge([pictures, masks]) for pictures in (tiles, restored)]
        return round(float(ei.models.accuracy_in_holes(*logits, masks)), 3)


class Feed:
    """Batches from the second epoch's first on, as ``fit`` takes them, made by processes.

    They are started anew and not forked: JAX has threads, whose locks a fork would copy.
    """

    def __init__(self, batches, processes):
        context = multiprocessing.get_context("spawn")
        images = batches.images
        shape = (batches.batch_size, *images.shape[1:])
        source = context.RawArray("B", images.size)
        np.frombuffer(source, np.uint8).reshape(images.shape)[:] = images
        settings = {name: getattr(batches, name) for name in _SETTINGS}
        self._lanes, self._taken = [], 0
        # The processes need no accelerator.
        platforms = os.environ.get("JAX_PLATFORMS")
        os.environ["JAX_PLATFORMS"] = "cpu"
        for lane in range(processes):
            tiles = context.RawArray("B", _READY * int(np.prod(shape)))
            masks = context.RawArray("B", _READY * int(np.prod(shape[:3])))
            free, full = context.Semaphore(_READY), context.Semaphore(0)
            numbers = itertools.count(batches.steps_per_epoch + lane, processes)
            arguments = (source, images.shape, settings, numbers, tiles, masks, free, full)
            process = context.Process(target=_make, args=arguments, daemon=True)
            process.start()
            self._lanes.append((*_slots(tiles, masks, shape), free, full, process))
        os.environ.pop("JAX_PLATFORMS")
        if platforms is not None:
            os.environ["JAX_PLATFORMS"] = platforms

    def take(self):
        """The next batch: tiles and masks, uint8."""
        tiles, masks, free, full, process = self._lanes[self._taken % len(self._lanes)]
        slot = self._taken // len(self._lanes) % _READY
        while not full.acquire(timeout=10):
            if not process.is_alive():
                raise RuntimeError("a process that makes batches has died")
        pair = tiles[slot].copy(), masks[slot].copy()
        free.release()
        self._taken += 1
        return pair

    def close(self):
        """End the processes."""
        for *_, process in self._lanes:
            process.kill()


def _slots(tiles, masks, shape):
    """Room for some batches, shared by two processes, as arrays."""
    tiles, masks = np.frombuffer(tiles, np.uint8), np.frombuffer(masks, np.uint8)
    return tiles.reshape(_READY, *shape), masks.reshape(_READY, *shape[:3], 1)


def _make(source, shape, settings, numbers, tiles, masks, free, full):
    from eurosat_inpaint.training import MaskedTileBatches

    batches = MaskedTileBatches(np.frombuffer(source, np.uint8).reshape(shape), **settings)
    tiles, masks = _slots(tiles, masks, (batches.batch_size, *shape[1:]))
    for taken, number in enumerate(numbers):
        free.acquire()
        (_, drawn), truth = batches.batch(number)
        slot = taken % _READY
        tiles[slot] = np.rint(truth * 255)
        masks[slot] = drawn
        full.release()


def _masked(tiles, masks):
    tiles, masks = tiles.astype("float32") / 255, masks.astype("float32")
    return tiles * masks, masks, tiles


class _Steps:
    """Those of a network alone; its state is weights, fixed weights and optimiser."""

    def __init__(self, model, recipe, steps):
        import keras

        from eurosat_inpaint import training

        training.compile_model(model, recipe, steps)
        self.model, self.optimizer = model, model.optimizer
        self._falls = self.optimizer._learning_rate.fall_begins
        self._losses = [keras.losses.get(loss) for loss in (recipe.loss, recipe.final_loss)]

    def state(self):
        groups = (self.model.trainable_variables, self.model.non_trainable_variables)
        return _values((*groups, self.optimizer.variables))

    def step(self, state, data):
        import jax
        from keras import ops

        trained, fixed, held = state
        masked, masks, tiles = _masked(*data)
        done = held[self.optimizer.variables.index(self.optimizer.iterations)]

        def loss(trained):
            restored, _ = self.model.stateless_call(trained, fixed, [masked, masks], training=True)
            first, final = (loss and ops.mean(loss(tiles, restored)) for loss in self._losses)
            return first if final is None else ops.where(done < self._falls, first, final)

        value, slopes = jax.value_and_grad(loss)(trained)
        trained, held = self.optimizer.stateless_apply(held, slopes, trained)
        return (trained, fixed, held), value

    def load(self, state):
        """Give the model the averaged weights."""
        _load_averaged(self.model, self.optimizer, *state)


class _AdversarialSteps:
    """Those of ``InpaintingGAN.train_step``, for JAX."""

    def __init__(self, generator, critic, recipe, steps):
        import keras

        from eurosat_inpaint.models import InpaintingGAN
        from eurosat_inpaint.training import Trapezoid

        self.generator, self.critic, self.recipe = generator, critic, recipe
        rate = Trapezoid(recipe.learning_rate, steps)
        adam = partial(keras.optimizers.Adam, rate, beta_1=0.0, beta_2=0.99)
        average = {"use_ema": True, "ema_momentum": recipe.average} if recipe.average else {}
        self.optimizer, self.of_critic = adam(**average), adam()
        self.optimizer.build(generator.trainable_variables)
        self.of_critic.build(critic.trainable_variables)
        self.gan = InpaintingGAN(generator, critic)
        self.gan.reconstruction_loss = keras.losses.get(recipe.reconstruction_loss)
        self.gan.adversarial_weight = recipe.adversarial_weight

    def state(self):
        generator = self.generator
        groups = (generator.trainable_variables, generator.non_trainable_variables)
        groups += (self.optimizer.variables, self.critic.trainable_variables)
        return _values((*groups, self.of_critic.variables))

    def step(self, state, data):
        import jax
        from keras import ops

        from eurosat_inpaint import models

        trained, fixed, held, critic, held_by_critic = state
        masked, masks, tiles = _masked(*data)

        def restore(trained):
            return self.generator.stateless_call(trained, fixed, [masked, masks], training=True)[0]

        def judge(critic, tiles, masks):
            return self.critic.stateless_call(critic, [], [tiles, masks], training=True)[0]

        restored, pull = jax.vjp(restore, trained)

        def lowered_by_critic(critic):
            both = ops.concatenate([tiles, restored]), ops.concatenate([masks, masks])
            of_real, of_restored = ops.split(judge(critic, *both), 2)
            some = max(1, len(tiles) // models.TILES_PER_SLOPE)

            def total(tiles):
                return models.mean_in_holes(judge(critic, tiles, masks[:some]), masks[:some]) * some

            slopes = jax.grad(total)(tiles[:some]) * models.CONTRAST
            penalty = self.recipe.gradient_penalty / 2 * ops.sum(slopes**2) / some
            return models.critic_loss(of_real, of_restored, masks) + penalty

        slopes = jax.grad(lowered_by_critic)(critic)
        critic, held_by_critic = self.of_critic.stateless_apply(held_by_critic, slopes, critic)

        def lowered(restored):
            judged = judge(critic, restored, masks)
            return self.gan._generator_losses(tiles, restored, judged, masks)[0]

        value, slope = jax.value_and_grad(lowered)(restored)
        trained, held = self.optimizer.stateless_apply(held, pull(slope)[0], trained)
        return (trained, fixed, held, critic, held_by_critic), value

    def load(self, state):
        """Give the generator the averaged weights, and the critic its last."""
        *of_generator, critic, _ = state
        _load_averaged(self.generator, self.optimizer, *of_generator)
        _assign(self.critic.trainable_variables, critic)


def _load_averaged(model, optimizer, trained, fixed, held):
    """Give a network its weights; those that were trained averaged, where they were."""
    _assign(model.non_trainable_variables, fixed)
    _assign(optimizer.variables, held)
    averages = getattr(optimizer, "_model_variables_moving_average", None)
    _assign(model.trainable_variables, averages or trained)


def _values(groups):
    return tuple([variable.value for variable in group] for group in groups)


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)


if __name__ == "__main__":
    main()
