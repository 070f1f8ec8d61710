"""``setup.sh`` on machines that lack this or that, played by stubs of Python, apt-get and sudo."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = ("libfluidsynth3", "fluid-soundfont-gm", "ffmpeg")
TOOLS = (
    "cat", "cp", "cut", "dirname", "env", "grep", "mkdir", "mktemp", "rm", "sed", "sha256sum", "sh", "tail", "touch",
    "true",
)  # fmt: skip

PYTHON = """#!/bin/sh
# A Python whose imports succeed when the file `there/<package>` exists.
case "$*" in
    *hashlib*) sha256sum "$3" | cut -d' ' -f1 ;;
    *version_info\\ *|*"(3, 11)"*) test -e "$STUBS/there/python" ;;
    *"sys.version_info[:2]"*) echo 3.12 ;;
    *ensurepip*) test -e "$STUBS/there/python3.12-venv" ;;
    *"import dvc.cli"*) echo compile >>"$STUBS/log" ;;
    *fluidsynth*) test -e "$STUBS/there/libfluidsynth3" ;;
    *find_bank*) test -e "$STUBS/there/fluid-soundfont-gm" ;;
    "-m venv .venv")
        echo venv >>"$STUBS/log"
        mkdir -p .venv/bin && cp "$STUBS/bin/python3" .venv/bin/python
        printf '#!/bin/sh\\necho "uv $*" >>"$STUBS/log"\\ntest ! -e "$STUBS/uv-fails"\\n' >.venv/bin/uv
        printf '#!/bin/sh\\nexit 0\\n' >.venv/bin/dvc
        /bin/chmod +x .venv/bin/* ;;
    "-m pip --version") test -e .venv/bin/python ;;
    "-m pip install"*) echo "pip $*" >>"$STUBS/log"; test ! -e "$STUBS/pip-fails" ;;
    *) echo "unexpected: $*" >&2; exit 99 ;;
esac
"""
APT_GET = """#!/bin/sh
echo "apt-get $* ($DEBIAN_FRONTEND)" >>"$STUBS/log"
case "$*" in
    *update*) touch "$STUBS/there/lists" ;;
    *install*)
        test -e "$STUBS/there/lists" || { echo "E: Unable to locate package"; exit 100; }
        for word in "$@"; do touch "$STUBS/there/$word"; done
        if test -e "$STUBS/there/ffmpeg"; then cp "$STUBS/ok" "$STUBS/bin/ffmpeg"; fi ;;
esac
"""
SUDO = """#!/bin/sh
echo "sudo $1" >>"$STUBS/log"
test "$1" != -n || test ! -e "$STUBS/asks" || exit 1
test "$1" != -n || shift
exec "$@"
"""


@dataclass(frozen=True)
class Machine:
    """A folder with ``setup.sh`` and a PATH that holds stubs only."""

    root: Path
    stubs: Path

    def has(self, *things: str) -> None:
        for thing in things:
            (self.stubs / "there" / thing).touch()
            if thing == "ffmpeg":
                self.command("ffmpeg", "#!/bin/sh\n")

    def command(self, name: str, text: str) -> None:
        path = self.stubs / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def setup(self, *words: str) -> tuple[int, str]:
        """Run ``setup.sh`` without a terminal; return its status and what it said."""
        environment = {"PATH": str(self.stubs / "bin"), "STUBS": str(self.stubs)}
        done = subprocess.run(
            ["sh", "./setup.sh", *words], cwd=self.root, env=environment, stdin=subprocess.DEVNULL, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    def log(self) -> list[str]:
        """Return what was called since the last time."""
        path = self.stubs / "log"
        lines = path.read_text().splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Return a machine with Python, but with no apt-get, no sudo and none of our programs; its user is not root."""
    made = Machine(tmp_path / "clone", tmp_path / "stubs")
    for folder in (made.root, made.stubs / "bin", made.stubs / "there"):
        folder.mkdir(parents=True)
    for name in ("setup.sh", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, made.root / name)
    for tool in TOOLS:
        found = shutil.which(tool)
        assert found
        (made.stubs / "bin" / tool).symlink_to(found)
    (made.stubs / "ok").write_text("#!/bin/sh\n")
    (made.stubs / "ok").chmod(0o755)
    made.command("python3", PYTHON)
    made.command("id", "#!/bin/sh\necho 1000\n")
    made.has("python", "python3.12-venv")
    return made


def _as_root(machine: Machine) -> None:
    machine.command("id", "#!/bin/sh\necho 0\n")
    machine.command("apt-get", APT_GET)


def test_what_is_installed_is_left_alone(machine: Machine) -> None:
    machine.has(*PROGRAMS)
    assert machine.setup()[0] == 0
    first = machine.log()
    assert first.count("compile") == 1
    assert first[0] == "venv"
    assert any(line.startswith("uv pip install") and line.endswith("-r requirements.lock") for line in first)
    assert machine.setup() == (0, "")
    assert machine.log() == []


def test_a_changed_lock_is_installed(machine: Machine) -> None:
    machine.has(*PROGRAMS)
    machine.setup()
    machine.log()
    with (machine.root / "requirements.lock").open("a") as file:
        file.write("added==1.0\n")
    assert machine.setup()[0] == 0
    log = machine.log()
    assert "venv" not in log
    assert any(line.startswith("uv pip install") for line in log)


def test_the_tests_need_more_and_the_pipeline_nothing_after_them(machine: Machine) -> None:
    machine.has(*PROGRAMS)
    machine.setup()
    machine.log()
    assert machine.setup("dev")[0] == 0
    assert any(line.endswith("-r requirements-dev.lock") for line in machine.log())
    assert machine.setup() == (0, "")
    assert machine.setup("dev") == (0, "")
    assert machine.log() == []


def test_an_interrupted_installation_starts_anew(machine: Machine) -> None:
    machine.has(*PROGRAMS)
    (machine.stubs / "pip-fails").touch()
    assert machine.setup()[0] != 0
    machine.log()
    (machine.stubs / "pip-fails").unlink()
    assert machine.setup()[0] == 0
    assert machine.log()[0] == "venv"
    assert machine.setup() == (0, "")


def test_pip_takes_over_where_uv_fails(machine: Machine) -> None:
    machine.has(*PROGRAMS)
    (machine.stubs / "uv-fails").touch()
    assert machine.setup()[0] == 0
    assert any(line.startswith("pip -m pip install -r requirements.lock") for line in machine.log())


def test_root_installs_what_is_missing_and_updates_only_when_it_must(machine: Machine) -> None:
    machine.has("ffmpeg")
    _as_root(machine)
    assert machine.setup()[0] == 0
    install = "apt-get -q -y install --no-install-recommends libfluidsynth3 fluid-soundfont-gm (noninteractive)"
    calls = [line for line in machine.log() if line.startswith("apt-get")]
    assert calls == [install, "apt-get -q -y update (noninteractive)", install]
    (machine.stubs / "there" / "libfluidsynth3").unlink()
    assert machine.setup()[0] == 0
    calls = [line for line in machine.log() if line.startswith("apt-get")]
    assert calls == ["apt-get -q -y install --no-install-recommends libfluidsynth3 (noninteractive)"]


def test_sudo_is_used_where_it_asks_nothing(machine: Machine) -> None:
    machine.has("lists")
    machine.command("apt-get", APT_GET)
    machine.command("sudo", SUDO)
    assert machine.setup()[0] == 0
    log = machine.log()
    assert "sudo -n" in log
    assert f"apt-get -q -y install --no-install-recommends {' '.join(PROGRAMS)} (noninteractive)" in log


@pytest.mark.parametrize("has_sudo", [False, True])
def test_without_rights_the_commands_are_printed(machine: Machine, has_sudo: bool) -> None:
    machine.command("apt-get", APT_GET)
    if has_sudo:  # but it asks for a password, and there is no terminal
        machine.command("sudo", SUDO)
        (machine.stubs / "asks").touch()
    status, said = machine.setup()
    assert status == 1
    assert "sudo apt-get install libfluidsynth3 fluid-soundfont-gm ffmpeg" in said
    assert "brew install fluid-synth ffmpeg" in said
    assert "conda install -c conda-forge fluidsynth ffmpeg" in said
    assert not [line for line in machine.log() if line.startswith("apt-get")]


def test_a_failing_apt_get_says_why(machine: Machine) -> None:
    _as_root(machine)
    machine.command("apt-get", "#!/bin/sh\necho 'E: no network'\nexit 100\n")
    status, said = machine.setup()
    assert status == 1
    assert "E: no network" in said
    assert "sudo apt-get install libfluidsynth3" in said


def test_a_missing_venv_module_is_installed(machine: Machine) -> None:
    machine.has(*PROGRAMS, "lists")
    (machine.stubs / "there" / "python3.12-venv").unlink()
    status, said = machine.setup()
    assert status == 1
    assert "sudo apt-get install python3.12-venv" in said
    assert not (machine.root / ".venv").exists()
    _as_root(machine)
    assert machine.setup()[0] == 0


def test_no_fitting_python_is_one_clear_message(machine: Machine) -> None:
    (machine.stubs / "there" / "python").unlink()
    status, said = machine.setup()
    assert status == 1
    assert said.startswith("setup: Python 3.11 up to 3.13 is needed and is not on PATH.")
    assert "sudo apt-get install python3" in said


def test_a_wrong_word_is_refused(machine: Machine) -> None:
    assert machine.setup("everything") == (2, "usage: ./setup.sh [run|dev]\n")


def test_make_lists_its_targets() -> None:
    own = os.environ | {"MAKEFLAGS": "--no-print-directory", "MAKELEVEL": "0"}  # not those of `make test`
    done = subprocess.run(["make"], cwd=ROOT, env=own, capture_output=True, text=True, check=True)
    named = {line.split()[1] for line in done.stdout.splitlines()}
    assert named == {"help", "setup", "repro", "test", "lint", "lock", "clean"}
