"""Several processes, started from a notebook by `torchrun` (lesson 12). What they do inside is in `parallel`."""

import builtins
import dis
import inspect
import os
import platform
import subprocess
import sys
import tempfile
import textwrap
import time
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout, suppress
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]  # psutil ships no types

from course_utils.parallel import TOLD_BY_TORCHRUN
from course_utils.plain import parse_plain, write_plain
from course_utils.runtime import num_processors

# The network card that leads back to this machine, by system; Windows finds it without being told.
_LOOPBACK = {"Linux": "lo", "Darwin": "lo0"}
# What the file of a function ends in.
_END = """if __name__ == "__main__":
    from course_utils.launching import take_part

    take_part({name}, __file__)
"""


class Run(NamedTuple):
    """What `launch` hands back: what the function returned in each process, what each printed, the command, and the
    seconds from start to end. `script` is the file that the command ran.
    """

    results: list[Any]
    output: str
    command: str
    script: str
    seconds: float


class ProcessError(RuntimeError):
    """A process stopped before its end; the message holds its own error."""


def launch(function: Callable[..., Any], *, num_processes: int = 2, timeout: float = 300, **arguments: Any) -> Run:
    """Run `function(**arguments)` in several processes, started by `torchrun` on this machine; return a `Run`.

    Each process is a fresh Python that knows nothing of the notebook. So the function is copied into a file: it imports
    what it uses, and everything else comes in as an argument. Arguments and results are numbers, texts, tensors, and
    lists and dictionaries of them; tensors arrive as copies. Nothing leaves the machine.

    Raises ValueError, before anything starts, for a function that needs what a fresh Python lacks; ProcessError, with
    the error of the process that stopped first; TimeoutError after `timeout` seconds. No process is left behind.
    """
    script = _script_of(function)
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        path = folder / f"{function.__name__}.py"
        path.write_text(script, encoding="utf-8")
        write_plain(folder / "arguments.pt", arguments)
        options = ["--standalone", f"--nproc-per-node={num_processes}"]
        # Without its own address torchrun asks the network what this machine is called.
        command = [sys.executable, "-m", "torch.distributed.run", *options, "--local-addr=127.0.0.1", str(path)]
        started = time.perf_counter()
        problem = _run(command, num_processes, timeout=timeout)
        seconds = time.perf_counter() - started
        ranks = range(num_processes)
        output = "".join(_lines_of(folder, rank) for rank in ranks)
        errors = sorted(folder.glob("error-*.txt"), key=lambda file: file.stat().st_mtime_ns)
        if errors:  # the first of them; the others then fail because it no longer answers
            rank = errors[0].stem.removeprefix("error-")
            told = errors[0].read_text(encoding="utf-8").rstrip()
            raise ProcessError(f"Process {rank} of {num_processes} stopped: {told}")
        if isinstance(problem, subprocess.TimeoutExpired):
            raise TimeoutError(
                f"{function.__name__} was not done after {timeout:g} s in {num_processes} processes, and was stopped. "
                "Does one of them wait for a call that another never makes? What they printed:\n" + output
            )
        if problem is not None:
            raise ProcessError(f"{function.__name__} stopped in {num_processes} processes: {problem}")
        results = [parse_plain(file.read_bytes(), file)["result"] for file in _files(folder, "result", num_processes)]
    return Run(results, output, " ".join(["torchrun", *options, path.name]), script, seconds)


def take_part(function: Callable[..., Any], script: str) -> None:
    """What the file written by `launch` ends in: run the function in this process and leave its result beside it."""
    folder, rank = Path(script).parent, os.environ["RANK"]
    with (folder / f"output-{rank}.txt").open("w", encoding="utf-8", buffering=1) as output, redirect_stdout(output):
        try:
            arguments = parse_plain((folder / "arguments.pt").read_bytes(), folder / "arguments.pt")
            write_plain(folder / f"result-{rank}.pt", {"result": function(**arguments)})
        except BaseException as error:
            told = "".join(traceback.format_exception(error))
            with suppress(OSError):
                (folder / f"error-{rank}.txt").write_text(
                    f"{type(error).__name__}: {error}\n\n{told}", encoding="utf-8"
                )
            raise


def _files(folder: Path, kind: str, num_processes: int) -> list[Path]:
    return [folder / f"{kind}-{rank}.pt" for rank in range(num_processes)]


def _lines_of(folder: Path, rank: int) -> str:
    path = folder / f"output-{rank}.txt"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return "".join(f"[{rank}] {line}\n" for line in lines)


def _run(command: list[str], num_processes: int, *, timeout: float) -> subprocess.TimeoutExpired | str | None:
    """Run torchrun to its end, and end it with all it started where it takes too long or is interrupted."""
    system = platform.system()
    defaults = {
        "GLOO_SOCKET_IFNAME": _LOOPBACK.get(system, ""),
        "OMP_NUM_THREADS": str(max(1, num_processors() // num_processes)),
        "USE_LIBUV": "0" if system == "Windows" else "1",  # torch for Windows is built without it
        "TORCH_CPP_LOG_LEVEL": "ERROR",
    }
    package = str(Path(__file__).resolve().parent.parent)
    paths = os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH"), package]))
    environment = {name: value for name, value in defaults.items() if value} | os.environ | {"PYTHONPATH": paths}
    for name in TOLD_BY_TORCHRUN:
        environment.pop(name, None)
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    )
    try:
        said, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired as expired:
        return expired
    finally:
        _end(process)
    return None if process.returncode == 0 else f"torchrun ended with {process.returncode}.\n{said[-3000:]}"


def _end(process: "subprocess.Popen[str]") -> None:
    """End a process, with all that it has started, where it still runs."""
    if process.poll() is None:
        children: list[psutil.Process] = []
        with suppress(psutil.NoSuchProcess):
            children = psutil.Process(process.pid).children(recursive=True)
        for started in children:
            with suppress(psutil.NoSuchProcess):
                started.kill()
        process.kill()
        process.wait()
        psutil.wait_procs(children, timeout=3)  # on a busy machine they end a moment later
    if process.stdout is not None:
        process.stdout.close()


def _script_of(function: Callable[..., Any]) -> str:
    """Return the file that runs `function` in a fresh Python. Raises ValueError where it could not run there."""
    name = getattr(function, "__name__", "")
    if not inspect.isfunction(function) or not name.isidentifier():
        raise ValueError(f"{function!r} is no function that was written with def.")
    if lacking := _lacking(function):
        raise ValueError(
            f"{name} uses {', '.join(sorted(lacking))}, which a fresh Python does not know: import inside the function "
            "what can be imported, and hand over the rest as arguments."
        )
    try:
        source = textwrap.dedent(inspect.getsource(function))
    except (OSError, TypeError) as error:
        raise ValueError(f"The source of {name} cannot be read: define it in a notebook's cell or a file.") from error
    return f"{source}\n\n{_END.format(name=name)}"


def _lacking(function: Callable[..., Any]) -> set[str]:
    """The names that a function takes from around it, neither its own nor Python's."""
    found: set[str] = set(function.__code__.co_freevars)
    codes: list[CodeType] = [function.__code__]
    while codes:
        code = codes.pop()
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
        found |= {step.argval for step in dis.get_instructions(code) if step.opname == "LOAD_GLOBAL"}
    return found - set(dir(builtins)) - {function.__name__}
