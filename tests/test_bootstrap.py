"""Intervals: how often they hold the true value when recordings differ, how wide they are, and their limits."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tutti.evaluation import metrics
from tutti.evaluation.bootstrap import DELTA, Clusters, clip_weights, clusters, interval, recording_weights

Array = NDArray[Any]
N_CLASSES, N_CLIPS = 16, 120
NAMES = ("micro_f1", "macro_f1", "emr", "iou")


@dataclass
class World:
    """Instruments of fixed difficulty whose recordings are easier or harder by chance."""

    difficulty: Array
    between: float

    def draw(self, random: np.random.Generator, n_clips: int, n_recordings: int) -> tuple[Array, Array, Clusters]:
        """Return reference, estimate ``(clip, class)`` and clusters of clips of 2 to 5 instruments."""
        effect = random.normal(0, self.between, (N_CLASSES, n_recordings))
        reference = np.zeros((n_clips, N_CLASSES), np.int64)
        which = random.integers(0, n_recordings, (n_clips, N_CLASSES))
        for row in reference:
            row[random.choice(N_CLASSES, random.integers(2, 6), replace=False)] = 1
        margin = random.normal(-1.8, 1, reference.shape)
        margin += reference * (2.2 + self.difficulty + effect[np.arange(N_CLASSES), which])
        membership = np.zeros((n_clips, N_CLASSES * n_recordings))
        clip, instrument = np.nonzero(reference)
        membership[clip, instrument * n_recordings + which[clip, instrument]] = 1
        heard = membership.any(axis=0)
        owner = np.repeat(np.arange(N_CLASSES), n_recordings)[heard]
        return reference, margin > 0, Clusters(membership[:, heard], owner)


def score(reference: Array, estimate: Array, weights: Array) -> Array:
    """Return ``(metric, replicate)``."""
    values = metrics.decisions(reference, estimate, weights)
    return np.stack([values[name] for name in NAMES])


def simulate(between: float, trials: int = 80, replicates: int = 120) -> tuple[Array, Array, Array]:
    """Return coverage, that of clips alone, and width over the right width, each ``(metric,)``."""
    random = np.random.default_rng(7)
    world = World(random.normal(0, 0.7, N_CLASSES), between)
    many = [world.draw(random, 2000, 200) for _ in range(4)]
    truth = np.mean([score(each[0], each[1], metrics.unit_weights(2000)) for each in many], axis=0)[:, 0]
    points, limits, alone = [], [], []
    for _ in range(trials):
        reference, estimate, sources = world.draw(random, N_CLIPS, 2)
        point = score(reference, estimate, metrics.unit_weights(N_CLIPS))[:, 0]
        by_recording = score(reference, estimate, recording_weights(sources, replicates, random))
        by_clip = score(reference, estimate, clip_weights(N_CLIPS, replicates, random))
        points.append(point)
        limits.append([interval(*each, 0.95) for each in zip(point.tolist(), by_recording, by_clip, strict=True)])
        alone.append(np.quantile(by_clip, [0.025, 0.975], axis=1).T)
    width = np.diff(limits, axis=2).mean(axis=0)[:, 0] / (2 * 1.96 * np.std(points, axis=0))
    return _share(limits, truth), _share(alone, truth), width


def _share(limits: list[Any], truth: Array) -> Array:
    bounds = np.array(limits)
    return np.asarray(((bounds[..., 0] <= truth) & (truth <= bounds[..., 1])).mean(axis=0))


def test_intervals_hold_the_truth_where_recordings_differ() -> None:
    covered, by_clips_alone, width = simulate(between=1.2)
    assert (covered >= 0.9).all(), dict(zip(NAMES, covered, strict=True))
    assert (width < 2).all(), dict(zip(NAMES, width, strict=True))
    assert by_clips_alone[:2].max() < 0.85, "clips alone are too narrow, which is why recordings are clustered"


def test_intervals_are_not_absurd_where_recordings_are_alike() -> None:
    covered, _, width = simulate(between=0.0)
    assert (covered >= 0.9).all(), dict(zip(NAMES, covered, strict=True))
    assert (width < 2.5).all(), dict(zip(NAMES, width, strict=True))


def test_the_interval_holds_the_point_and_that_of_clips_alone() -> None:
    random = np.random.default_rng(0)
    by_recording, by_clip = 0.6 + 0.001 * random.standard_normal(400), 0.6 + 0.05 * random.standard_normal(400)
    low, high = interval(0.6, by_recording, by_clip, 0.95)
    assert low <= np.quantile(by_clip, 0.025)
    assert high >= np.quantile(by_clip, 0.975)
    assert interval(0.9, by_recording, by_clip, 0.95)[1] >= 0.9


def test_limits_stay_within_nought_and_one_and_nan_stays_nan() -> None:
    spread = np.array([0.2, 0.2, 0.99, 0.99])
    assert interval(0.95, spread, spread, 0.5) == (0.0, 1.0)
    assert np.isnan(interval(float("nan"), spread * np.nan, spread * np.nan, 0.95)).all()


def test_more_confidence_is_wider() -> None:
    values = np.linspace(0.4, 0.6, 101)
    narrow, wide = interval(0.5, values * 0 + 0.5, values, 0.5), interval(0.5, values * 0 + 0.5, values, 0.99)
    assert narrow == pytest.approx((0.45, 0.55))
    assert wide == pytest.approx((0.401, 0.599))


def test_weights_of_an_instrument_are_centred_and_have_the_right_variance() -> None:
    sources = Clusters(np.eye(5), np.array([0, 0, 1, 1, 2]))
    logarithms = np.log(recording_weights(sources, 4000, np.random.default_rng(0)))
    np.testing.assert_allclose(logarithms[:, 0], -logarithms[:, 1])
    np.testing.assert_allclose(logarithms.var(axis=0), DELTA, rtol=0.1)
    assert abs(np.corrcoef(logarithms[:, 0], logarithms[:, 2])[0, 1]) < 0.05


def test_a_clip_s_weight_is_the_product_of_its_recordings() -> None:
    instrument = np.array([0, 1, 2])
    alone = recording_weights(Clusters(np.eye(3), instrument), 10, np.random.default_rng(1))
    mixed = np.array([[1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])
    together = recording_weights(Clusters(mixed, instrument), 10, np.random.default_rng(1))
    np.testing.assert_allclose(together[:, 0], alone.prod(axis=1))
    np.testing.assert_allclose(together[:, 1], alone[:, 1] * alone[:, 2])


def test_clusters_name_recordings_and_their_instruments() -> None:
    found = clusters([("r2", "r1"), ("r3",)], {"r1": "oboe", "r2": "sitar", "r3": "oboe"})
    assert found.membership.tolist() == [[1, 1, 0], [0, 0, 1]]
    assert found.instrument.tolist() == [0, 1, 0]
    stray = clusters([("r1", "r9")], {"r1": "oboe"})
    assert len(set(stray.instrument.tolist())) == 2
