"""What a layer of the PyTorch and Keras panels is dropped into: saving, copying, compiling.

Every layer of ``fuzz.LAYERS`` goes each of the ways below. What one cannot do stands in CANNOT,
with the reason; a line there that is no longer true fails.
"""

import copy
import re
import warnings

import keras
import numpy as np
import pytest
import torch

from parity_tests.fuzz import LAYERS
from parity_tests.panels import ADAPTERS, panel

BACKEND = ADAPTERS["keras"].backend
WEIGHTED = "|".join(name for name, (arguments, _) in LAYERS.items() if "dtype" in arguments)
DTYPE = "a layer with weights has the dtype that it was made with, whatever the policy is"
POLICY = "Keras would cast what goes into a model to the policy's float16, and nothing is cast"

# "way layer", as an expression, and why not.
CANNOT = {
    rf"mixed_float16 ({WEIGHTED}) float16": DTYPE,
    r"mixed_float16 spectral_norm\.SpectralNorm float16": DTYPE,
    r"mixed_float16 recurrent\.Bidirectional float16": DTYPE,
    r"mixed_float16 embedding\.Embedding float32": "its inputs are integers",
    r"mixed_float16 layers\.Sequential float32": POLICY,
    r"torch_(compile|export) rand_augment\.RandAugment True": "each change takes its images alone",
    r"torch_(compile|export) random_resized_crop\.RandomResizedCrop True": "one size of batch",
}

every_layer = pytest.mark.parametrize("name", LAYERS)


def build(framework, name):
    """A layer, anew with each call, and what it is called with."""
    arguments, x = LAYERS[name]
    made = {
        key: value(framework) if getattr(value, "__module__", "") == "parity_tests.fuzz" else value
        for key, value in arguments.items()
    }
    module, kind = name.split(".")
    layer = getattr(panel(framework, module), kind)(**made)
    return layer, torch.from_numpy(x.copy()) if framework == "torch" else x


def build_trained(name, training=True):
    """A PyTorch layer, after a step in which its state and weights have moved."""
    layer, x = build("torch", name)
    layer.train()
    with torch.no_grad():
        layer(x)
        for weight in layer.parameters():
            weight.add_(0.25)
    return layer.train(training), x


def step(layer, x):
    """The output, and the gradients of x and of the weights."""
    x = x.clone()
    inputs = [*([x.requires_grad_()] if x.is_floating_point() else []), *layer.parameters()]
    y = layer(x)
    unused = {"allow_unused": True, "materialize_grads": True}  # what training alone needs
    return [y.detach(), *torch.autograd.grad((y * y).sum(), inputs, **unused)]


def assert_equal(found, expected):
    for a, b in zip(found, expected, strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)


def goes(way, call):
    """``call`` ends well, or, for what CANNOT says, does not."""
    if any(re.fullmatch(pattern, way) for pattern in CANNOT):
        # Of ours, and of PyTorch's compiler and exporter.
        with pytest.raises((ValueError, RuntimeError, AssertionError)):
            call()
    else:
        call()


def test_all_that_cannot_be_done_is_tried():
    tried = [f"mixed_float16 {name} {dtype}" for name in LAYERS for dtype in ("float16", "float32")]
    ways = ("torch_compile", "torch_export")
    tried += [f"{way} {name} {mode}" for way in ways for name in LAYERS for mode in (True, False)]
    for pattern in CANNOT:
        assert any(re.fullmatch(pattern, way) for way in tried), pattern


@pytest.mark.once
@every_layer
def test_state_dict(name):
    """A fresh layer that loads the state computes and draws what the first one does."""
    layer, x = build_trained(name)
    fresh, _ = build("torch", name)
    fresh.load_state_dict(copy.deepcopy(layer.state_dict()))
    for training in (True, True, False):
        assert_equal(step(fresh.train(training), x), step(layer.train(training), x))


@pytest.mark.once
@every_layer
def test_deepcopy(name):
    """A copy goes on by itself from where the layer was."""
    layer, x = build_trained(name)
    twin = copy.deepcopy(layer)
    expected = [step(layer, x) for _ in range(2)]
    for each in expected:
        assert_equal(step(twin, x), each)
    assert_equal(twin.state_dict().values(), layer.state_dict().values())


@pytest.mark.once
@every_layer
@pytest.mark.parametrize("training", [True, False])
def test_torch_compile(name, training):
    """In one graph, which counts on from step to step; in training for batches of any size."""
    layer, x = build_trained(name, training)
    torch._dynamo.reset()
    options = {"fullgraph": True, "dynamic": training, "backend": "aot_eager"}

    def call():
        compiled = torch.compile(copy.deepcopy(layer), **options)
        with torch._dynamo.config.patch(error_on_recompile=True):
            for batch in (x, x, x[:3]) if training else (x,):
                assert_equal(step(compiled, batch), step(layer, batch))

    goes(f"torch_compile {name} {training}", call)


@pytest.mark.once
@every_layer
@pytest.mark.parametrize("training", [True, False])
def test_torch_export(name, training):
    """A graph of any batch size, whose state goes on from that of the layer."""
    layer, x = build_trained(name, training)
    dynamic = ({0: torch.export.Dim.AUTO},)

    def call():
        exported = torch.export.export(copy.deepcopy(layer), (x,), dynamic_shapes=dynamic).module()
        for batch in (x, x, x[:3]):
            assert_equal([exported(batch)], [layer(batch)])

    goes(f"torch_export {name} {training}", call)


def model_of(layer, x):
    inputs = keras.Input(x.shape[1:], dtype=str(x.dtype))
    return keras.Model(inputs, layer(inputs))


def arrays(model, x, training=True):
    return ADAPTERS["keras"].numpy(model(ADAPTERS["keras"].tensor(x), training=training))


@every_layer
def test_keras_saving(name, tmp_path):
    """A model that is saved after a step computes and draws on as it would have."""
    layer, x = build("keras", name)
    model = model_of(layer, x)
    arrays(model, x)
    for weight in model.trainable_weights:
        weight.assign(weight + 0.25)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    for training in (True, True, False):
        expected = arrays(model, x, training)
        np.testing.assert_array_equal(arrays(loaded, x, training), expected)


@every_layer
def test_keras_config(name):
    layer, x = build("keras", name)
    config = layer.get_config()
    assert set(LAYERS[name][0]) <= set(config), "an argument would be its default again"
    twin = type(layer).from_config(config)
    assert twin.get_config() == config
    for training in (True, False):
        np.testing.assert_array_equal(arrays(twin, x, training), arrays(layer, x, training))


@pytest.mark.skipif(BACKEND == "torch", reason="there it is torch.compile")
@every_layer
def test_keras_jit_compile(name):
    """Steps of training that XLA compiles change the state and weights as those of Python do.

    A recurrent layer says on TensorFlow that it does not go, and is trained without.
    """
    layer, x = build("keras", name)
    twin, _ = build("keras", name)
    target = np.zeros_like(arrays(model_of(build("keras", name)[0], x), x, False))
    ends = []
    for each, options in ((layer, {"jit_compile": True}), (twin, {"run_eagerly": True})):
        model = model_of(each, x)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The model does not have any trainable weights")
            if name.startswith("recurrent.") and BACKEND == "tensorflow":
                warnings.filterwarnings("ignore", "Model doesn't support `jit_compile=True`")
            model.compile(keras.optimizers.SGD(0.125), "mse", **options)
            losses = [model.train_on_batch(x, target) for _ in range(2)]
        ends.append([*map(float, losses), *(np.asarray(weight) for weight in model.weights)])
    for compiled, eager in zip(*ends, strict=True):
        np.testing.assert_allclose(compiled, eager, rtol=0, atol=1e-6)


@pytest.fixture
def mixed_float16():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(policy)


@every_layer
@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.usefixtures("mixed_float16")
def test_keras_mixed_precision(name, dtype):
    """A layer computes in, and returns, the dtype of what goes in."""
    layer, x = build("keras", name)

    def call():
        y = layer(keras.ops.cast(x, dtype))
        assert keras.backend.standardize_dtype(y.dtype) == dtype

    goes(f"mixed_float16 {name} {dtype}", call)


@pytest.mark.parametrize("name", WEIGHTED.split("|"))
def test_weights_in_mixed_precision_are_refused(name):
    layer, _ = build("keras", name)
    config = layer.get_config() | {"dtype": "mixed_float16"}
    with pytest.raises(ValueError, match="dtype must be one of 'float32', 'float64'"):
        type(layer)(**config)
