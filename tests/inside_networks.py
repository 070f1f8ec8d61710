"""Small fitted-looking networks, features and labels that the tests of ``tutti.inside`` share."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from feature_sounds import LOG_MEL

from tutti import registry
from tutti.config import read_yaml
from tutti.feature_store import spec_of, write_feature
from tutti.features import log_mel
from tutti.inside_section import InsideConfig
from tutti.store import write_json

NAMES = ["flute", "sitar", "taiko"]
FRAMES, BANDS, CLIP_FRAMES = 21, 32, 40
FEATURE = log_mel.Config.model_validate(LOG_MEL | {"n_mels": BANDS})
INSIDE = InsideConfig(model="han_cnn", samples_per_instrument=4, perplexity=5.0, neighbours=3, clips=2, units=2)


def model_config(activation: str = "leaky_relu_0.33", name: str = "han_cnn", **changes: Any) -> Any:
    section = read_yaml(Path(__file__).parents[1] / "params.yaml")["tasks"]["cultural"]["models"][name]
    module = registry.load("architectures", section["architecture"])
    extra = {"activation": activation} if "activation" in section else {}
    return module.Config.model_validate(section | {"precision": "float32"} | extra | changes)


def han(activation: str, frames: int = FRAMES, bands: int = BANDS, classes: int = 3, seed: int = 1) -> Any:
    """Return an untrained network with random biases and slopes, so that nothing is zero by chance."""
    import keras

    from tutti.training import network

    keras.utils.set_random_seed(seed)
    with network.precision("float32"):
        made = network.build(model_config(activation), (frames, bands), classes)
    random = np.random.default_rng(seed)
    for layer in made.layers:
        if "_conv" in layer.name and layer.get_weights():
            kernel, bias = layer.get_weights()
            layer.set_weights([kernel, random.normal(0, 0.05, bias.shape)])
        if isinstance(layer, keras.layers.PReLU):
            layer.set_weights([random.uniform(0.1, 0.4, weight.shape) for weight in layer.get_weights()])
    return made


def windows(count: int, frames: int = FRAMES, bands: int = BANDS, seed: int = 2) -> Any:
    return np.random.default_rng(seed).normal(size=(count, frames, bands)).astype(np.float32)


def write_model(folder: Path, name: str = "han_cnn", **changes: Any) -> Path:
    """Write the folder of an untrained model that knows ``NAMES``."""
    from tutti.training import network

    config = model_config(name=name, **changes)
    folder.mkdir(parents=True)
    with network.precision("float32"):
        made = network.build(config, (FRAMES, BANDS), len(NAMES))
    made.get_layer("standardise").adapt(np.random.default_rng(5).normal(-3, 2, (1, 200, BANDS)).astype(np.float32))
    network.save(made, config, folder / "model.keras")
    write_json(folder / "spec.json", {
        "task": "tiny", "model": name, "architecture": config.architecture, "config": config.model_dump(mode="json"),
        "feature": "log_mel", "feature_spec": spec_of("log_mel", FEATURE), "frame_rate_hz": FEATURE.frame_rate_hz,
        "window_frames": FRAMES, "hop_frames": FRAMES, "classes": NAMES, "seed": 1, "scale": "smoke", "corpus": "none",
    })  # fmt: skip
    return folder


def write_set(data: Path, name: str, together: int = 0) -> None:
    """Write feature and labels of six solos an instrument, each with a band of its own, and some clips of two."""
    random = np.random.default_rng([7, len(name)])
    played = [[instrument] for instrument in NAMES for _ in range(6)] + [NAMES[:2]] * together
    clips = pd.DataFrame({
        "clip": [f"{name}-{number:02}" for number in range(len(played))],
        "polyphony": [len(names) for names in played],
        "instruments": played,
        "recordings": [[f"{'+'.join(names)}/{number // 2}"] for number, names in enumerate(played)],
    })  # fmt: skip
    manifest = data / "clips" / name / "manifest"
    manifest.mkdir(parents=True)
    clips.to_parquet(manifest / "clips.parquet")
    write_json(manifest / "classes.json", NAMES)
    write_feature(data / "features/log_mel" / name, "log_mel", FEATURE, list(clips["clip"]), (
        _clip(names, random) for names in played
    ))  # fmt: skip


def _clip(names: list[str], random: np.random.Generator) -> Any:
    values = random.normal(0, 0.3, (CLIP_FRAMES, BANDS)).astype(np.float32)
    for name in names:
        values[10:35, 8 * NAMES.index(name) + 4] += 5
    return values
