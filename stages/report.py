"""Reads: metrics/<task>/<model> of every model in params.yaml, and the clips of the worst mistakes.
Writes: the comparison and the tables across models as CSV, and the report as one HTML page.
Params: seed, scale, scales, corpora, report, tasks.
"""

import argparse
from pathlib import Path

from tutti import config
from tutti.process import run_stage
from tutti.reporting.comparison import comparison_table, read_results, write_comparison
from tutti.reporting.page import write_page
from tutti.reporting.tables import cross_tables, write_tables


def parser() -> argparse.ArgumentParser:
    """Return the command line of this stage."""
    command = argparse.ArgumentParser(description=__doc__)
    command.add_argument("--comparison", type=Path, required=True, help="the CSV file to write")
    command.add_argument("--tables", type=Path, required=True, help="the folder of tables across models to write")
    command.add_argument("--page", type=Path, required=True, help="the HTML file to write")
    return command


def main(arguments: argparse.Namespace) -> None:
    """Compare all models."""
    params = config.load()
    results = read_results(params, Path("metrics"))
    table = comparison_table(results)
    write_comparison(table, arguments.comparison)
    across = cross_tables(params, results)
    write_tables(across, arguments.tables)
    write_page(arguments.page, params, results, table, across, Path("data"))


if __name__ == "__main__":
    run_stage(main, parser())
