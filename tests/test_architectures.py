"""Every registered architecture: shapes, ranges, learning, saving; and the papers' own tables."""

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tutti import config, registry
from tutti.architectures._configs import EstimatorConfig, NetworkConfig
from tutti.config import ModelConfig, read_yaml
from tutti.errors import DataError, ParameterError
from tutti.seeding import generator

HAN_TABLE_I = [
    ("image", (43, 128, 1)),
    ("block1_conv1", (45, 130, 32)),
    ("block1_conv2", (47, 132, 32)),
    ("block1_pool", (15, 44, 32)),
    ("block1_dropout", (15, 44, 32)),
    ("block2_conv1", (17, 46, 64)),
    ("block2_conv2", (19, 48, 64)),
    ("block2_pool", (6, 16, 64)),
    ("block2_dropout", (6, 16, 64)),
    ("block3_conv1", (8, 18, 128)),
    ("block3_conv2", (10, 20, 128)),
    ("block3_pool", (3, 6, 128)),
    ("block3_dropout", (3, 6, 128)),
    ("block4_conv1", (5, 8, 256)),
    ("block4_conv2", (7, 10, 256)),
    ("block4_pool", (256,)),
    ("dense", (1024,)),
    ("dense_dropout", (1024,)),
    ("scores", (11,)),
]
HAN_PARAMETERS = 1_446_123  # Table I, by hand: weights and biases of eight convolutions and two dense layers
CHEN_TABLE_IV = [
    ("image", (126, 128, 1)),
    ("block1_conv", (126, 128, 32)),
    ("block1_norm", (126, 128, 32)),
    ("block1_pool", (63, 64, 32)),
    ("block2_conv", (63, 64, 64)),
    ("block2_norm", (63, 64, 64)),
    ("block2_pool", (31, 32, 64)),
    ("block3_conv", (31, 32, 128)),
    ("block3_norm", (31, 32, 128)),
    ("block3_pool", (15, 16, 128)),
    ("flatten", (30720,)),
    ("dense", (128,)),
    ("dense_dropout", (128,)),
    ("scores", (1,)),
]
CHEN_PARAMETERS = 355_521  # at 15 frames of 128 bands, by hand: 320, 64; 18 496, 128; 73 856, 256; 262 272; 129
ACTIVATIONS = ["tanh", "relu", "prelu", "leaky_relu_0.01", "leaky_relu_0.33"]


def configured() -> dict[str, Any]:
    """Return the model sections of params.yaml, one an architecture, also those of binaries."""
    found: dict[str, Any] = {}
    for task in read_yaml(Path("params.yaml"))["tasks"].values():
        models = list(task["models"].values())
        studied = [task["studies"]["variety"]["model"]] if task["method"] == "mix" else []
        binaries = [model["binary"] | {"feature": model["feature"]} for model in models if "binary" in model]
        for section in (*models, *studied, *binaries):
            found.setdefault(section["architecture"], section)
    return found


def load_config(name: str, **changes: Any) -> Any:
    return registry.load("architectures", name).Config.model_validate(configured()[name] | changes)


def of_kind(kind: type) -> list[str]:
    return [
        name
        for name in registry.names("architectures")
        if issubclass(registry.load("architectures", name).Config, kind)
    ]


NETWORKS, ESTIMATORS = of_kind(NetworkConfig), of_kind(EstimatorConfig)
SETS_OF_BINARIES = [name for name in of_kind(ModelConfig) if load_config(name).is_one_vs_all]


def example(shape: tuple[int, ...], classes: int, count: int = 8) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    random = generator(1, "example")
    reference = (random.random((count, classes)) < 0.4).astype(np.uint8)
    pattern = random.normal(size=(classes, *shape))
    return (np.tensordot(reference, pattern, axes=1) + 0.1 * random.normal(size=(count, *shape))).astype(
        np.float32
    ), reference


def test_every_architecture_is_configured_and_is_network_or_estimator_or_a_set_of_binaries() -> None:
    assert SETS_OF_BINARIES == ["one_vs_all"]
    assert sorted(NETWORKS + ESTIMATORS + SETS_OF_BINARIES) == registry.names("architectures") == sorted(configured())


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("time", [43, 90])
def test_network_gives_scores_between_0_and_1(name: str, time: int) -> None:
    from tutti.training import network

    model = network.build(load_config(name), (time, 128), 5)
    scores = np.asarray(model(np.zeros((2, time, 128), np.float32)))
    assert scores.shape == (2, 5)
    assert scores.dtype == np.float32
    assert ((scores >= 0) & (scores <= 1)).all()
    assert len({layer.name for layer in model.layers}) == len(model.layers)


@pytest.mark.parametrize("name", NETWORKS)
def test_network_refuses_wrong_rank(name: str) -> None:
    from tutti.training import network

    model = network.build(load_config(name), (43, 128), 5)
    with pytest.raises(ValueError, match="shape"):
        model(np.zeros((2, 43), np.float32))


@pytest.mark.parametrize("name", NETWORKS)
def test_network_overfits_eight_examples_with_a_gradient_in_every_weight(name: str) -> None:
    import keras

    from tutti.training import network

    keras.utils.set_random_seed(1)
    model = network.build(load_config(name), (43, 32), 3)
    windows, reference = example((43, 32), 3)
    model.get_layer("standardise").adapt(windows)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # whose noise would hide whether the layers learn
    before = [weight.numpy().copy() for weight in model.trainable_variables]
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy", jit_compile=False)
    for _ in range(50):
        model.train_on_batch(windows, reference.astype(np.float32))
    scores = np.asarray(model(windows), np.float64)
    loss = -np.log(np.where(reference == 1, scores, 1 - scores)).mean()
    changed = [not np.array_equal(old, new.numpy()) for old, new in zip(before, model.trainable_variables, strict=True)]
    assert all(changed)
    assert loss < 0.15


@pytest.mark.parametrize("name", NETWORKS)
def test_saved_network_scores_the_same_and_has_the_same_bytes(name: str, tmp_path: Path) -> None:
    from tutti.training import network

    options = load_config(name, precision="float32")
    model = network.build(options, (43, 32), 3)
    windows, _ = example((43, 32), 3)
    model.get_layer("standardise").adapt(windows)
    network.save(model, options, tmp_path / "a.keras")
    padding = [object() for _ in range(1000)]  # moves what is allocated next to other addresses
    network.save(model, options, tmp_path / "b.keras")
    del padding
    assert (tmp_path / "a.keras").read_bytes() == (tmp_path / "b.keras").read_bytes()
    again = network.load(tmp_path / "a.keras", options, (43, 32), 3)
    np.testing.assert_array_equal(np.asarray(model(windows)), np.asarray(again(windows)))


def test_han_cnn_walks_table_i() -> None:
    from tutti.training import network

    model = network.build(load_config("han_cnn"), (43, 128), 11)
    assert [(name, tuple(model.get_layer(name).output.shape[1:])) for name, _ in HAN_TABLE_I] == HAN_TABLE_I
    order = [layer.name for layer in model.layers]
    positions = [order.index(name) for name, _ in HAN_TABLE_I]
    assert positions == sorted(positions)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    assert trainable == HAN_PARAMETERS


def chen_parameters(time: int, frequency: int, n_classes: int, dense_units: int = 128) -> int:
    """Return the weights of Table IV: convolution, scale and offset of three blocks that halve both axes, two dense."""
    filters = (1, 32, 64, 128)
    blocks = sum(9 * a * b + b + 2 * b for a, b in itertools.pairwise(filters))
    flat = (time // 8) * (frequency // 8) * filters[-1]
    return blocks + (flat + 1) * dense_units + (dense_units + 1) * n_classes


def test_chen_cnn_walks_table_iv() -> None:
    from tutti.training import network

    model = network.build(load_config("chen_cnn"), (126, 128), 1)
    found = [(layer.name, tuple(layer.output.shape[1:])) for layer in model.layers]
    assert found[-len(CHEN_TABLE_IV) :] == CHEN_TABLE_IV
    kernels = [model.get_layer(f"block{number}_conv").kernel_size for number in (1, 2, 3)]
    assert kernels == [(3, 3)] * 3
    assert model.get_layer("dense_dropout").rate == 0.5


@pytest.mark.parametrize(("time", "frequency", "n_classes"), [(126, 128, 1), (15, 128, 1), (15, 128, 10), (8, 8, 1)])
def test_chen_cnn_has_as_many_weights_as_its_layers_ask_for(time: int, frequency: int, n_classes: int) -> None:
    from tutti.training import network

    model = network.build(load_config("chen_cnn"), (time, frequency), n_classes)
    trainable = sum(int(np.prod(weight.shape)) for weight in model.trainable_variables)
    assert trainable == chen_parameters(time, frequency, n_classes)


def test_chen_cnns_weights_by_hand() -> None:
    assert chen_parameters(15, 128, 1) == CHEN_PARAMETERS
    blocks = 320 + 64 + 18_496 + 128 + 73_856 + 256
    assert chen_parameters(126, 1025, 1) == blocks + 31_457_280 + 128 + 129  # too large to build here


@pytest.mark.parametrize("shape", [(7, 128), (15, 7)])
def test_chen_cnn_needs_8_of_each_axis(shape: tuple[int, int]) -> None:
    from tutti.training import network

    with pytest.raises(ParameterError, match=f"of {shape[0]} frames of {shape[1]} bands is too small for chen_cnn"):
        network.build(load_config("chen_cnn"), shape, 1)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_han_cnn_pools_before_or_after_the_activation_alike(activation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tutti.architectures import _blocks
    from tutti.training import network

    options = load_config("han_cnn", activation=activation, precision="float32")
    windows, _ = example((43, 32), 3)
    fast = network.build(options, (43, 32), 3)
    monkeypatch.setattr(_blocks, "is_monotone", lambda _: False)
    textbook = network.build(options, (43, 32), 3)
    textbook.set_weights(fast.get_weights())
    np.testing.assert_allclose(np.asarray(fast(windows)), np.asarray(textbook(windows)), rtol=1e-5, atol=1e-6)


def test_activations_differ() -> None:
    from tutti.training import network

    windows, _ = example((43, 32), 3)
    outputs = []
    for activation in ACTIVATIONS:
        import keras

        keras.utils.set_random_seed(1)
        model = network.build(load_config("han_cnn", activation=activation, precision="float32"), (43, 32), 3)
        outputs.append(np.asarray(model(windows)))
    pairs = list(itertools.combinations(range(len(ACTIVATIONS)), 2))
    same = {(ACTIVATIONS[a], ACTIVATIONS[b]) for a, b in pairs if np.allclose(outputs[a], outputs[b], atol=1e-7)}
    assert not same - {("relu", "prelu")}  # PReLU starts with slope 0, which is ReLU until it has learnt


@pytest.mark.filterwarnings("ignore:Label not 3 is present in all:UserWarning")  # of the oracle, for the svm
@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimator_fits_and_its_stored_arrays_score_as_scikit_learn(name: str, tmp_path: Path) -> None:
    vectors, reference = example((1, 20), 4, count=120)
    reference[:, 3] = 0  # an instrument that never sounds
    module, options = registry.load("architectures", name), load_config(name)
    oracle = module.build(options, 3, 1).fit(vectors[:, 0], reference).predict_proba(vectors[:, 0])
    if isinstance(oracle, list):  # MultiOutputClassifier gives the scores of both answers, class by class
        oracle = np.stack([column[:, 1] if column.shape[1] > 1 else 0 * column[:, 0] for column in oracle], axis=1)
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        module.save(module.fit(options, vectors[:, 0], reference, seed=3, workers=1), folder)
    stored = module.load(tmp_path / "a")
    np.testing.assert_allclose(stored.scores(vectors[:, 0]), oracle, atol=1e-6)
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    assert ((stored.scores(vectors[:, 0]) > 0.5) == reference).mean() > 0.9


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimator_knows_classes_that_always_or_never_sound(name: str, tmp_path: Path) -> None:
    vectors, reference = example((1, 20), 4, count=60)
    reference[:, 1], reference[:, 2] = 0, 1
    module, options = registry.load("architectures", name), load_config(name)
    module.save(module.fit(options, vectors[:, 0], reference, seed=3, workers=1), tmp_path)
    scores = module.load(tmp_path).scores(vectors[:, 0])
    assert scores.shape == (60, 4)
    np.testing.assert_array_equal(np.round(scores[:, 1:3]), reference[:, 1:3])
    module.save(module.fit(options, vectors[:, 0], reference[:, 1:3], seed=3, workers=1), tmp_path)
    np.testing.assert_array_equal(np.round(module.load(tmp_path).scores(vectors[:, 0])), reference[:, 1:3])
    assert module.load(tmp_path).scores(vectors[:0, 0]).shape == (0, 2)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_estimator_is_the_same_with_any_number_of_workers(name: str, tmp_path: Path) -> None:
    vectors, reference = example((1, 20), 4, count=60)
    module, options = registry.load("architectures", name), load_config(name)
    found = []
    for workers in (1, 2):
        module.save(module.fit(options, vectors[:, 0], reference, seed=3, workers=workers), tmp_path)
        found.append([path.read_bytes() for path in sorted(tmp_path.iterdir())])
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ESTIMATORS)
def test_damaged_estimator_is_named(name: str, tmp_path: Path) -> None:
    vectors, reference = example((1, 20), 2, count=60)
    module, options = registry.load("architectures", name), load_config(name)
    module.save(module.fit(options, vectors[:, 0], reference, seed=3, workers=1), tmp_path)
    path = next(tmp_path.iterdir())
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match=f"{path.name}.*run `dvc repro` to train it again"):
        module.load(tmp_path)


def test_papers_settings_are_the_defaults() -> None:
    params = config.load()
    forest = params.model("cultural", "random_forest")
    han = params.model("cultural", "han_cnn")
    assert SimpleNamespace(trees=forest.trees, max_depth=forest.max_depth) == SimpleNamespace(trees=100, max_depth=6)
    boosting = params.model("cultural", "xgboost")
    assert (boosting.rounds, boosting.learning_rate, boosting.max_depth) == (100, 0.05, 6)
    assert (boosting.subsample, boosting.min_child_weight) == (0.8, 1.0)
    assert han.activation == "leaky_relu_0.33"
    chen = params.model("families", "notes")
    assert (chen.trained_on, chen.stop_at_precision) == ("notes", 0.98)
    assert (chen.binary.architecture, chen.binary.dense_units, chen.binary.dropout) == ("chen_cnn", 128, 0.5)
