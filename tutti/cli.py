"""The command ``tutti``: detect instruments, show the comparison, run sweeps, open MLflow, render a mixture again.

What is slow to import is imported by the command that needs it, so that ``tutti --help`` answers at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tutti import __version__, config, process, registry
from tutti.config import POLICIES, TEST_SETS, TRAIN, VALIDATION, Policy
from tutti.errors import ParameterError, TuttiError

OK, FAILED, USAGE, INTERRUPTED, BROKEN_PIPE = 0, 1, 2, 130, 141


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status: 0 all well, 1 something failed, 2 wrong usage.

    Args:
        arguments: the words after ``tutti``; those of the command line by default.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # a file name may hold what the terminal cannot show
    process.start_logging()
    options = parser().parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
    except TuttiError as error:
        complain(error)
        return USAGE if isinstance(error, ParameterError) else FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads on; without this, Python would complain once more when it closes the stream.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return status


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    command = argparse.ArgumentParser(prog="tutti", description="Which instruments sound together in a piece of music?")
    command.add_argument("--version", action="version", version=f"tutti {__version__}")
    commands = command.add_subparsers(required=True, metavar="COMMAND")
    _add_detect(commands.add_parser("detect", help="say which instruments sound in audio files"))
    _add_summary(commands.add_parser("summary", help="print the comparison of all models"))
    _add_sweep(commands.add_parser("sweep", help="run experiments with other settings, as params.yaml lists them"))
    _add_collect(commands.add_parser("collect", help="collect what all experiments gave, for the report"))
    _add_ui(commands.add_parser("ui", help="open MLflow's pages on this machine"))
    _add_replay(commands.add_parser("replay", help="render a mixture again from its recipe"))
    return command


def complain(error: object) -> None:
    """Print one sentence on stderr."""
    print(f"tutti: {error}", file=sys.stderr)


def _add_detect(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Say which instruments sound in audio files: any format that libsndfile or ffmpeg reads, any length, sample "
        "rate and number of channels. Status: 0 all files were read, 1 some were not, 2 wrong usage."
    )
    command.add_argument("files", nargs="+", type=Path, metavar="FILE")
    form = command.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    form.add_argument("--array", action="store_true", help="a line a file: a bit a class in label order, and its name")
    command.add_argument("--model", metavar="TASK/NAME", help="a trained model (default: that of params.yaml)")
    command.add_argument("--top", type=_count, metavar="N", help="at most N instruments a file")
    told = f"{', '.join(POLICIES)}, or one number for all, 0..1"
    command.add_argument("--threshold", type=_threshold, metavar="POLICY|NUMBER", help=told)
    command.add_argument("--all", action="store_true", help="also the instruments below their threshold")
    command.set_defaults(run=_detect)


def _add_summary(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Print the comparison of all models, a row a model: F1 at the fixed threshold, at one validated for all "
        "instruments and at one validated for each, on both test sides; and where to read on."
    )
    form = command.add_mutually_exclusive_group()
    form.add_argument("--all", action="store_true", help="a row for each test side and threshold, with all scores")
    form.add_argument("--markdown", action="store_true", help="the table alone, in Markdown")
    command.set_defaults(run=_summary)


def _add_sweep(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Queue one experiment of DVC for each combination of a sweep in params.yaml, run the queue, and collect what "
        "came out. Experiments that have a result are not run again."
    )
    command.add_argument("name", metavar="NAME", help="a sweep in params.yaml")
    command.add_argument("--jobs", type=_count, default=1, metavar="N", help="experiments at a time (default: 1)")
    command.add_argument("--list", action="store_true", help="only list the experiments")
    command.set_defaults(run=_sweep)


def _add_collect(command: argparse.ArgumentParser) -> None:
    command.description = (
        "Write what all experiments of this repository gave into metrics/experiments/<task>, and print it; the report "
        "reads it from there."
    )
    command.add_argument("task", metavar="TASK", help="a task on excerpts in params.yaml")
    command.set_defaults(run=_collect)


def _add_ui(command: argparse.ArgumentParser) -> None:
    command.description = "Open MLflow's pages over the runs of this repository, on this machine only."
    command.add_argument("--port", type=_port, default=5000, metavar="N", help="1024..65535 (default: 5000)")
    command.set_defaults(run=_ui)


def _add_replay(command: argparse.ArgumentParser) -> None:
    command.description = "Render a mixture again from its recipe and the recordings of the corpus."
    command.add_argument("clip", metavar="CLIP", help="id of a clip, as in recipes.jsonl")
    command.add_argument("--set", required=True, choices=(TRAIN, VALIDATION, *TEST_SETS), help="what holds the clip")
    command.add_argument("--task", help="its task (default: that of params.yaml's report)")
    command.add_argument("--out", required=True, type=Path, metavar="FILE", help="the FLAC file to write")
    command.set_defaults(run=_replay)


def _detect(options: argparse.Namespace) -> int:
    from tutti.detection import load_detector
    from tutti.reporting import detections

    params = config.load()
    task, name = _model_name(options.model) if options.model else (params.detect.task, params.detect.model)
    threshold: Policy | float = params.detect.threshold if options.threshold is None else options.threshold
    detector = load_detector(params, task, name)
    title = detections.titles(params.task(task))
    report = detections.Report(
        f"{task}/{name}", threshold, detector.classes, title, everything=options.all, top=options.top
    )
    shown = report.array_line if options.array else report.text
    for path in options.files:
        try:
            detection = detector.detect(path, threshold)
        except TuttiError as error:
            report.add_failure(path, error)
            complain(error)
            continue
        report.add(detection)
        if not options.json:
            print(shown(detection), flush=True)
    if options.json:
        print(report.json())
    return FAILED if report.failures else OK


def _summary(options: argparse.Namespace) -> int:
    from tutti.reporting import left_out, terminal
    from tutti.reporting.comparison import COLUMNS, read_table

    metrics = Path("metrics")
    table = read_table(metrics / "comparison.csv", COLUMNS)
    if options.markdown:
        print(terminal.markdown(table))
        return OK
    print(terminal.comparison_text(table) if options.all else terminal.compact_text(table))
    for task in table["task"].unique():
        items = left_out.read_left_out(Path("data") / str(task))
        if items:
            config.load()  # names the taxonomy, which holds their titles
            print(f"\ntask {task}: {left_out.sentence(items)}")
    print(f"\nReport: {(metrics / 'report.html').resolve()}")
    print("Runs:   tutti ui   (MLflow, at http://127.0.0.1:5000)")
    return OK


def _sweep(options: argparse.Namespace) -> int:
    from tutti import sweeps

    params = config.load()
    if options.name not in params.sweeps:
        raise ParameterError(f"sweep {options.name!r} is unknown: {registry.choose(options.name, params.sweeps)}")
    sweep = params.sweeps[options.name]
    if options.list:
        for each in sweeps.experiments(options.name, sweep):
            print(each.name, *(f"{path}={value}" for path, value in each.settings.items()))
        return OK
    sweeps.run_sweep(options.name, sweep, options.jobs)
    return _collect(argparse.Namespace(task=sweep.task))


def _collect(options: argparse.Namespace) -> int:
    from tutti import experiments
    from tutti.reporting import terminal

    tables, folder = experiments.collect(config.load(), options.task), Path("metrics/experiments") / options.task
    experiments.write_collected(tables, folder)
    print(terminal.settings_text({split: experiments.summary(tables, split) for split in TEST_SETS}))
    print(f"Tables: {folder.resolve()}")
    return OK


def _ui(options: argparse.Namespace) -> int:
    from tutti.tracking.serving import serve

    serve(options.port)
    return OK


def _replay(options: argparse.Namespace) -> int:
    from tutti.mixtures.replay import replay_clip

    params = config.load()
    replay_clip(params, options.task or params.report.task, options.set, options.clip, options.out)
    print(options.out)
    return OK


def _model_name(text: str) -> tuple[str, str]:
    task, slash, name = text.partition("/")
    if not (task and slash and name):
        raise ParameterError(f"--model is {text!r}: give a task and a model's name in it, such as cultural/han_cnn")
    return task, name


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number in 1024..65535")
    return int(text)


def _threshold(text: str) -> Policy | float:
    for policy in POLICIES:
        if text == policy:
            return policy
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number in 0..1 nor one of {', '.join(POLICIES)}")
    return value


if __name__ == "__main__":
    sys.exit(main())
