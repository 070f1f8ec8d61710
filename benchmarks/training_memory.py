"""Memory of a training against the number of mixtures: the feature is read from its memory map.

    python -m benchmarks.training_memory

Each size is trained for one short epoch in a process of its own; printed is the peak of the process' own memory
(anonymous pages; pages of the mapped file belong to the system's cache, which takes them back when it likes).
"""

import json
import multiprocessing
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

SIZES = (500, 4000)
FRAMES, BINS, CLASSES = 216, 128, 63


def own_megabytes() -> float:
    """Return this process' anonymous memory in megabytes."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("RssAnon"):
            return int(line.split()[1]) / 1024
    return float("nan")


def train(folder: str, count: int, answer: "multiprocessing.Queue[float]") -> None:
    """Fit Han's CNN for an epoch of one window a clip and answer with the peak memory."""
    from tutti import config
    from tutti.feature_store import open_feature
    from tutti.training import network

    peak, running = [0.0], [True]

    def watch() -> None:
        while running[0]:
            peak[0] = max(peak[0], own_megabytes())
            time.sleep(0.02)

    thread = threading.Thread(target=watch)
    thread.start()
    feature = open_feature(Path(folder))
    reference = np.zeros((count, CLASSES), np.uint8)
    section = config.load().model("cultural", "han_cnn").model_copy(update={"windows_per_clip": 1})
    network.fit(section, 21, (feature, reference), (feature, reference), seed=1, max_epochs=1, on_epoch=lambda *_: None)
    running[0] = False
    thread.join()
    answer.put(peak[0])


def store(folder: Path, count: int) -> None:
    """Write a feature of random values, a slice at a time."""
    folder.mkdir()
    values = np.lib.format.open_memmap(folder / "values.npy", "w+", np.float32, (count, FRAMES, BINS))
    random = np.random.default_rng(1)
    for first in range(0, count, 100):
        values[first : first + 100] = random.normal(size=(100, FRAMES, BINS))
    values.flush()
    np.save(folder / "offsets.npy", np.arange(count + 1, dtype=np.int64) * FRAMES)
    (folder / "clips.json").write_text(json.dumps([f"{number:06d}" for number in range(count)]))
    (folder / "spec.json").write_text(json.dumps({"name": "log_mel", "extractor": "log_mel", "frequency": BINS}))


def main() -> None:
    """Print the peak memory of each size and their ratio."""
    context = multiprocessing.get_context("spawn")
    peaks = []
    for count in SIZES:
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "feature"
            store(folder, count)
            size = (folder / "values.npy").stat().st_size / 2**20
            answer = context.Queue()
            process = context.Process(target=train, args=(str(folder), count, answer))
            process.start()
            peaks.append(answer.get())
            process.join()
            print(f"{count:5d} mixtures, feature {size:6.0f} MB: peak of the process {peaks[-1]:6.0f} MB")
    print(f"ratio {peaks[1] / peaks[0]:.2f} for {SIZES[1] / SIZES[0]:.0f} times the mixtures")


if __name__ == "__main__":
    main()
