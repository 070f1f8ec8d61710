"""Which instruments sound together (Meas & Moieni 2025, Fig. 2)."""

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from tutti.errors import ParameterError
from tutti.mixtures.combinations import Draw, combinations_table, count_combinations, draw_combinations

GROUPS = ("aerophone", "chordophone", "idiophone", "membranophone")
MANY = {f"instrument-{index:02d}": GROUPS[index % 4] for index in range(63)}
FEW = {
    "flute": "aerophone", "oboe": "aerophone", "fife": "aerophone", "violin": "chordophone", "taiko": "membranophone",
}  # fmt: skip


def _rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_combinations_are_unique_sets_in_taxonomy_order() -> None:
    drawn = draw_combinations(MANY, 3000, (2, 5), "all", _rng())
    assert len(set(drawn)) == 3000
    assert all(list(names) == sorted(set(names)) for names in drawn)


def test_polyphony_is_uniform() -> None:
    sizes = Counter(len(names) for names in draw_combinations(MANY, 4000, (2, 5), "all", _rng()))
    assert set(sizes) == {2, 3, 4, 5}
    assert sum((count - 1000) ** 2 / 1000 for count in sizes.values()) < 16.3  # chi-square, 3 degrees, p = 0.001


def test_four_are_one_of_each_class_and_five_have_one_more() -> None:
    for names in draw_combinations(MANY, 400, (4, 5), "all", _rng()):
        assert {MANY[name] for name in names} == set(GROUPS)


def test_small_combinations_come_from_one_class_or_from_all() -> None:
    one_class = draw_combinations(MANY, 300, (2, 3), "class", _rng())
    assert all(len({MANY[name] for name in names}) == 1 for names in one_class)
    assert {MANY[names[0]] for names in one_class} == set(GROUPS)
    any_class = draw_combinations(MANY, 300, (2, 3), "all", _rng())
    assert any(len({MANY[name] for name in names}) > 1 for names in any_class)


@pytest.mark.parametrize("draw", ["all", "class"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_count_equals_enumeration(draw: Draw, size: int) -> None:
    class_of = {name: MANY[name] for name in list(MANY)[:9]}
    found = 0
    for names in combinations(class_of, size):
        classes = {class_of[name] for name in names}
        if size > 3:
            found += classes == set(GROUPS)
        else:
            found += draw == "all" or size == 1 or len(classes) == 1
    if draw == "class" and size == 3:
        found = 1  # only the aerophones, of whom there are three
    assert count_combinations(class_of, size, draw) == found


@pytest.mark.parametrize("draw", ["all", "class"])
def test_all_that_exist_can_be_drawn_and_no_more(draw: Draw) -> None:
    total = sum(count_combinations(FEW, size, draw) for size in range(2, 6))
    assert len(set(draw_combinations(FEW, total, (2, 5), draw, _rng()))) == total
    with pytest.raises(ParameterError, match=f"only {total} combinations of 2 to 5 among 5 instruments"):
        draw_combinations(FEW, total + 1, (2, 5), draw, _rng())


def test_rule_relaxes_where_a_class_has_no_instrument() -> None:
    for names in draw_combinations(FEW, 3, (4, 4), "all", _rng()):  # no idiophone: the three others, and one more
        assert {FEW[name] for name in names} == {"aerophone", "chordophone", "membranophone"}
    singles = {"flute": "aerophone", "violin": "chordophone", "taiko": "membranophone"}
    assert len(draw_combinations(singles, 3, (2, 2), "class", _rng())) == 3  # no class has two: from all


def test_more_clips_continue_the_same_sequence() -> None:
    few = draw_combinations(MANY, 50, (2, 5), "all", _rng())
    assert draw_combinations(MANY, 200, (2, 5), "all", _rng())[:50] == few
    assert draw_combinations(MANY, 50, (2, 5), "all", _rng(1)) != few


def test_table_has_five_columns_and_na() -> None:
    table = combinations_table([("flute", "oboe"), ("a", "b", "c", "d", "e")])
    assert list(table.columns) == [f"instrument{number}" for number in range(1, 6)]
    assert table.iloc[0].tolist() == ["flute", "oboe", "NA", "NA", "NA"]
