"""How many takes must we record? Macro F1 against the number of recordings of each instrument, and against banks.

For each condition of a plan the same model is fitted on the same combinations of instruments, mixed from other numbers
of recordings, and judged on mixtures of recordings that no condition trains on: of the first bank (``heard_bank``) and
of the second (``other_bank``, which conditions with both banks know from other recordings). Mixtures are made in
memory and forgotten; the threshold is chosen on mixtures of the validation recordings of the banks that were heard.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tutti.audio import Samples, resample
from tutti.config import TRAIN, UNSEEN_RECORDING, VALIDATION, ClipsConfig, EvaluationConfig, FeatureConfig
from tutti.corpora.takes import Condition, Plan
from tutti.evaluation import metrics
from tutti.evaluation.aggregation import aggregate
from tutti.evaluation.arrays import decide
from tutti.evaluation.bootstrap import clip_weights, clusters, interval, recording_weights
from tutti.evaluation.tables import Row, write_table
from tutti.evaluation.thresholds import best_global
from tutti.extraction import extractor
from tutti.feature_store import Feature, open_feature, write_feature
from tutti.labels import many_hot
from tutti.mixtures.clip_set import draw_recipes
from tutti.mixtures.mixing import mix_below_peak
from tutti.mixtures.recipe import Recipe, SourceRecipe
from tutti.mixtures.sources import Source, decode_sources, read_decoded
from tutti.parallel import parallel_iterate, parallel_map
from tutti.progress import track
from tutti.scales import VarietyScale
from tutti.seeding import child, generator
from tutti.store import whole, write_json
from tutti.studies import VarietyStudy
from tutti.training import passing

HEARD_BANK, OTHER_BANK = "heard_bank", "other_bank"
COLUMNS = (
    "model", "recordings", "banks", "tested_on", "macro_f1", "macro_f1_low", "macro_f1_high", "micro_f1", "n_train",
    "n_clips",
)  # fmt: skip
_BATCH = 16  # clips that one worker mixes at a time


@dataclass(frozen=True, eq=False)
class Study:
    """All that the study depends on.

    Attributes:
        plan: banks, instruments and conditions.
        recordings: the index: columns recording, instrument, path and audio_sha256.
        events: the index: columns recording, onset_s, offset_s, pitch_midi and velocity.
        root: folder of the corpus.
        class_of: the Hornbostel-Sachs class of each instrument of the plan, in taxonomy order.
        clips: how mixtures are made.
        config: the feature and the model.
        sizes: numbers of mixtures and epochs.
        evaluation: aggregation, objective and confidence.
        replicates: of the bootstrap.
        seed: same seed, same bytes, whatever the number of processes.
    """

    plan: Plan
    recordings: pd.DataFrame
    events: pd.DataFrame
    root: Path
    class_of: Mapping[str, str]
    clips: ClipsConfig
    config: VarietyStudy
    sizes: VarietyScale
    evaluation: EvaluationConfig
    replicates: int
    seed: int


@dataclass(frozen=True, eq=False)
class _Mixtures:
    """Mixtures of which only a feature is kept, in a folder."""

    folder: Path
    reference: NDArray[np.uint8]
    recordings: tuple[tuple[str, ...], ...]

    @property
    def part(self) -> tuple[Feature, NDArray[np.uint8]]:
        return open_feature(self.folder), self.reference


def run_study(study: Study, out: Path) -> None:
    """Do the study and write ``variety.csv``, one row a condition and test, and ``variety.json`` into a folder.

    Raises:
        DataError: when a recording is unreadable, has changed, or an instrument has none that sounds.
        ParameterError: when there are fewer combinations of instruments than mixtures are wanted.
    """
    with whole(out) as folder:
        scratch = folder / ".scratch"  # inside the partial folder, so that a killed stage leaves nothing behind
        rows = list(_rows(study, scratch)) if study.plan.conditions else []
        shutil.rmtree(scratch, ignore_errors=True)
        folder.mkdir(exist_ok=True)
        write_table(folder / "variety.csv", rows, COLUMNS)
        write_json(folder / "variety.json", _about(study.plan))


def _rows(study: Study, scratch: Path) -> Iterator[Row]:
    (scratch / "decoded").mkdir(parents=True)
    plan, sizes = study.plan, study.sizes
    kept = {side: [plan.recordings(bank, side) for bank in plan.banks] for side in (VALIDATION, UNSEEN_RECORDING)}
    used = [*kept[VALIDATION], *kept[UNSEEN_RECORDING], *(condition.train for condition in plan.conditions)]
    sources = _decode(study, {name for names in used for name in names}, scratch / "decoded")

    def make(folder: str, name: str, names: Sequence[str], count: int) -> _Mixtures:
        return _mix(study, scratch, folder, name, [sources[each] for each in names if each in sources], count)

    tests = {
        name: make(name, f"test {name}", names, sizes.test)
        for name, names in zip((HEARD_BANK, OTHER_BANK), kept[UNSEEN_RECORDING], strict=False)
    }
    checks = [
        make(f"{VALIDATION}-{index}", f"{VALIDATION} {index}", names, sizes.validation)
        for index, names in enumerate(kept[VALIDATION])
    ]
    jobs = [
        (condition, make(f"{TRAIN}-{index}", TRAIN, condition.train, sizes.train))
        for index, condition in enumerate(plan.conditions)
    ]
    shutil.rmtree(scratch / "decoded")
    run = partial(_judge_condition, study=study, checks=checks, tests=tests)
    phase = "fitting variety"
    alone = passing.is_network(study.config.model)
    for rows in [run(job) for job in track(jobs, phase)] if alone else parallel_map(run, jobs, phase):
        yield from rows


def _decode(study: Study, names: set[str], scratch: Path) -> dict[str, Source]:
    table = study.recordings[study.recordings["recording"].isin(names)]
    clips = study.clips
    found = decode_sources(table, study.events, study.root, scratch, clips.sample_rate_hz, clips.loudness_dbfs)
    return {source.recording: source for source in found}


def _mix(study: Study, scratch: Path, folder: str, name: str, sources: Sequence[Source], count: int) -> _Mixtures:
    """Mix clips and keep their feature; the same name draws the same combinations from any sources."""
    recipes = draw_recipes(sources, study.class_of, study.clips, f"variety {name}", count, study.seed)
    batches = [recipes[first : first + _BATCH] for first in range(0, len(recipes), _BATCH)]
    feature = study.config.feature
    shared = (scratch / "decoded", study.clips.peak_dbfs, feature)
    rows = (values for batch in _extracted(batches, f"mixing variety {folder}", *shared) for values in batch)
    write_feature(scratch / folder, feature.extractor, feature, [recipe.clip for recipe in recipes], rows)
    instruments = [[source.instrument for source in recipe.sources] for recipe in recipes]
    recordings = tuple(tuple(dict.fromkeys(source.recording for source in recipe.sources)) for recipe in recipes)
    return _Mixtures(scratch / folder, many_hot(instruments, tuple(study.class_of)), recordings)


def _extracted(
    batches: Sequence[list[Recipe]], phase: str, decoded: Path, peak_dbfs: float, feature: FeatureConfig
) -> Iterator[list[Samples]]:
    """Yield the features of all batches; the first is made here, so that workers find the inner loops compiled."""
    yield _extract_batch(batches[0], decoded, peak_dbfs, feature)
    yield from parallel_iterate(_extract_batch, batches[1:], phase, decoded, peak_dbfs, feature)


def _extract_batch(batch: list[Recipe], decoded: Path, peak_dbfs: float, feature: FeatureConfig) -> list[Samples]:
    def read(source: SourceRecipe, begin: int, count: int) -> Samples:
        return read_decoded(decoded, source.audio_sha256, begin, count)

    found = []
    for recipe in batch:
        samples = np.float32(1 / 32768) * mix_below_peak(recipe, read, peak_dbfs)[1].astype(np.float32)
        samples = resample(samples, recipe.sample_rate_hz, feature.sample_rate_hz)
        found.append(extractor(feature).extract(samples, feature))
    return found


def _judge_condition(
    job: tuple[Condition, _Mixtures], study: Study, checks: Sequence[_Mixtures], tests: Mapping[str, _Mixtures]
) -> list[Row]:
    """Fit one model and judge it on all tests."""
    condition, train = job
    heard = checks if condition.banks == "both" else checks[:1]
    model = passing.fit(
        study.config.model, study.config.feature, train.part, heard[0].part,
        seed=child(study.seed, "variety"), max_epochs=study.sizes.max_epochs,
    )  # fmt: skip
    ask = partial(_clip_scores, model, aggregation=study.evaluation.aggregation)
    each = len(heard[0].reference) // len(heard)  # as many validation clips in all, whatever the number of banks
    reference = np.concatenate([check.reference[:each] for check in heard])
    scores = np.concatenate([ask(check)[:each] for check in heard])
    threshold = best_global(reference, scores, study.evaluation.objective)
    about: Row = {
        "model": study.config.model.architecture,
        "recordings": condition.recordings,
        "banks": condition.banks,
    }
    return [
        about | {"tested_on": name} | _judged(study, name, test, ask(test), threshold)
        | {"n_train": len(train.reference), "n_clips": len(test.reference)}
        for name, test in tests.items()
    ]  # fmt: skip


def _clip_scores(model: passing.Passing, mixtures: _Mixtures, aggregation: str) -> NDArray[np.floating]:
    scores, clip = model.predict(open_feature(mixtures.folder))
    return aggregate(scores, clip, len(mixtures.reference), aggregation)


def _judged(study: Study, name: str, test: _Mixtures, scores: NDArray[np.floating], threshold: float) -> Row:
    instrument_of = dict(zip(study.recordings["recording"], study.recordings["instrument"], strict=True))
    random, replicates = generator(study.seed, "bootstrap", "variety", name), study.replicates
    weights = np.vstack(
        [
            metrics.unit_weights(len(scores)),
            recording_weights(clusters(test.recordings, instrument_of), replicates, random),
            clip_weights(len(scores), replicates, random),
        ]
    )
    counts = metrics.tally(test.reference, decide(scores, threshold), weights)
    macro = metrics.macro(counts).f1
    point, by_recording, by_clip = float(macro[0]), macro[1 : replicates + 1], macro[replicates + 1 :]
    low, high = interval(point, by_recording, by_clip, study.evaluation.confidence)
    micro = float(metrics.micro(counts).f1[0])
    return {"macro_f1": point, "macro_f1_low": low, "macro_f1_high": high, "micro_f1": micro}


def _about(plan: Plan) -> dict[str, object]:
    banks = dict(zip((HEARD_BANK, OTHER_BANK), plan.banks, strict=False))
    conditions = [
        {"recordings": each.recordings, "banks": each.banks, "train": list(each.train)} for each in plan.conditions
    ]
    return {
        "banks": banks,
        "instruments": list(plan.instruments),
        "conditions": conditions,
        "left_out": list(plan.left_out),
    }
