"""Our figures in the form of a paper's tables, with the paper's own in columns beside them.

Every row says what both were measured on: they come from different corpora and are never one experiment. The paper's
figures stand in the rows that were measured as it did: at a fixed threshold, on recordings of the training's corpus.
"""

from collections.abc import Sequence

import pandas as pd

from tutti.config import UNSEEN_RECORDING, Params
from tutti.evaluation.classification import AVERAGES, FILE
from tutti.reporting import published
from tutti.reporting.comparison import Result, read_table

FIGURES = ("precision", "recall", "f1", "support")
_LIMITS = ("macro_f1", "micro_f1")
_REPORT = ("split", "threshold_policy", "class", "precision", "recall", "f1-score", "support")
COLUMNS = (
    "task", "model", "corpus", "corpus_kind", "split", "threshold_policy", "class", *FIGURES, "paper", "paper_corpus",
    "paper_model", "paper_class", *(f"paper_{name}" for name in FIGURES),
)  # fmt: skip


def corpus_kind(params: Params, corpus: str) -> str:
    """Return ``stand-in, rendered`` for a corpus that no musician recorded, else ``recordings``."""
    return "stand-in, rendered" if params.corpus(corpus).is_rendered else "recordings"


def beside_paper(results: Sequence[Result], params: Params) -> pd.DataFrame:
    """Return the classification reports of all models with the paper's figures beside them.

    Args:
        results: one a model.
        params: name the kind of each corpus.

    Returns:
        the columns ``COLUMNS``: all averages, and of the instruments those that the paper has too; scores in 0..1,
        NaN where there is none.

    Raises:
        DataError: when a model's report is missing or damaged.
    """
    rows = [row for result in results for row in _rows(result, corpus_kind(params, result.corpus))]
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"paper_support": "Int64"})


def average_table(beside: pd.DataFrame, results: Sequence[Result], average: str) -> pd.DataFrame:
    """Return the rows of one average, as the paper's Tables 9 and 10, with the interval of our F1.

    Args:
        beside: what ``beside_paper`` returns.
        results: the same models.
        average: ``macro`` | ``micro``.
    """
    keys = ["task", "model", "split", "threshold_policy"]
    ends = [f"{average}_f1_low", f"{average}_f1_high"]
    limits = pd.concat(
        [result.summary.reindex(columns=[*keys[2:], *ends]).assign(task=result.task, model=result.model)
         for result in results]
    ).rename(columns=dict(zip(ends, ("f1_low", "f1_high"), strict=True)))  # fmt: skip
    rows = beside[beside["class"] == f"{average} avg"].drop(columns=["class", "paper_class", "support"])
    joined = rows.drop(columns="paper_support").merge(limits, on=keys, how="left", validate="one_to_one")
    place = list(joined).index("f1") + 1
    ordered = [*list(joined)[:place], "f1_low", "f1_high", *list(joined)[place:-2]]
    return joined[ordered]


def _rows(result: Result, kind: str) -> list[dict[str, object]]:
    paper = published.of_task(result.task)
    report = read_table(result.folder / FILE, _REPORT).rename(columns={"f1-score": "f1"})
    kept = {*AVERAGES, *(paper.instruments if paper else ())}
    fixed = {"task": result.task, "model": result.model, "corpus": result.corpus, "corpus_kind": kind}
    return [
        {**fixed, **{str(key): value for key, value in row.items()}, **_paper(paper, result.model, row)}
        for row in report[report["class"].isin(kept)].to_dict("records")
    ]


def _paper(paper: "published.Paper | None", model: str, row: dict[object, object]) -> dict[str, object]:
    """Return the paper's columns of a row; empty where the paper has no figure measured alike."""
    system = paper.system(model) if paper else None
    alike = (row["split"], row["threshold_policy"]) == (UNSEEN_RECORDING, "fixed")
    figures = system.figures(str(row["class"])) if system and alike else None
    if paper is None or system is None or figures is None:
        return {}
    about = {"paper": f"{paper.name}, Table {system.table}", "paper_corpus": paper.corpus, "paper_model": system.title}
    about["paper_class"] = paper.instruments.get(str(row["class"]), str(row["class"]))
    return {**about, **{f"paper_{name}": value for name, value in zip(FIGURES, figures, strict=True)}}
