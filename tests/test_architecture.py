"""Imports go one way. The table below is the plan of the house; the code is read with `ast` and held to it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "course_utils"

# One line a floor: a module, or a whole wing where no line names its module, imports from the floors above its own.
FLOORS = (
    (
        "runtime",
        "pictures.unreadable",
        "pictures.near",
        "pictures.families",
        "workers",
        "folding",
        "report.samples",
        "report.tables",
        "report.errors",
        "report.schedules",
        "classroom.exhibits",
    ),
    (
        "transforms",
        "plain",
        "report.metrics",
        "report.remarks",
        "classroom.findings",
        "classroom.commands",
        "classroom.callout",
    ),
    (
        "pretrained",
        "kept_notes",
        "report.symptoms",
        "report.partition",
        "pictures.folders",
        "pictures.selection",
        "pictures.downloads",
        "pictures.drawn",
    ),
    ("report.history", "checks", "checkpoints", "models", "datasets", "pictures.scan_report", "pictures.archives"),
    (
        "report.sweeps",
        "classroom.visits",
        "pictures.catalog",
        "pictures.scan",
        "pictures.split_report",
        "pictures.messy",
        "pictures.given",
    ),
    (
        "pictures.splitting",
        "training",
        "features",
        "inference",
        "evaluation",
        "sentences",
        "parallel",
        "export",
        "occlusion",
        "watching",
    ),
    ("tuning", "text", "classroom.healthy_loop", "schooling.subject", "schooling.answers"),
    ("launching", "shards", "proof", "classroom.demo", "classroom.museum"),
    ("plotting", "classroom.lessons", "schooling.desk"),
    ("schooling.teaching",),
    ("schooling.run",),
    ("schooling.page",),
    ("classroom.copies", "classroom.pages", "classroom.predictions", "classroom.book"),
    ("classroom.execution", "classroom.progress"),
    ("classroom.verify",),
    ("classroom.exercises", "widgets", "classroom.supplies"),
    ("classroom.doctor",),
    ("command_line",),
    ("__main__",),
)
# The one module that may import each heavy library.
ONLY_IN = {"matplotlib": {"plotting"}, "ipywidgets": {"widgets"}, "pandas": set(), "onnxruntime": {"export"}}


def room_of(parts: tuple[str, ...]) -> str:
    """Return the longest beginning of ("pictures", "drawn", "cloth") that the table names."""
    beginnings = [".".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return next((beginning for beginning in beginnings if beginning in FLOOR), parts[0])


def module_of(path: Path) -> str:
    """`course_utils/pictures/drawn/cloth.py` -> `pictures.drawn`."""
    return room_of(path.relative_to(PACKAGE).with_suffix("").parts)


def imports(path: Path) -> set[str]:
    """Every dotted name that a file imports, also inside functions; `from x import y` gives `x.y`."""
    names = set()
    package = ("course_utils", *path.relative_to(PACKAGE).parent.parts)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join([*above, *([node.module] if node.module else [])])
            names |= {f"{base}.{alias.name}" for alias in node.names}
    return names


# Their __init__.py imports nothing, or (the first) on demand.
EMPTY = ("", "classroom", "command_line", "pictures", "report", "schooling")
SOURCES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.name != "__init__.py" or path.relative_to(PACKAGE).parent not in map(Path, EMPTY)
)
FLOOR = {module: number for number, floor in enumerate(FLOORS) for module in floor}


def own_imports(path: Path) -> set[str]:
    """The modules of this package that a file imports, its own package excepted."""
    names = {tuple(name.split(".")) for name in imports(path)}
    own = {room_of(name[1:]) for name in names if name[0] == "course_utils" and len(name) > 1}
    return own - {module_of(path)}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_go_one_way(path):
    module = module_of(path)
    assert module in FLOOR, f"{module} has no floor: put it into the table"
    for other in own_imports(path):
        assert other in FLOOR, f"{path.name} imports course_utils.{other}, which is no module of the table"
        assert FLOOR[other] < FLOOR[module], (
            f"{module} (floor {FLOOR[module]}) may not import {other} (floor {FLOOR[other]})"
        )


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_heavy_libraries_stay_in_one_module_each(path):
    for name in imports(path):
        allowed = ONLY_IN.get(name.split(".")[0])
        assert allowed is None or module_of(path) in allowed, f"{path.name} may not import {name}"


SPEAKS_WITHOUT_TORCH = (
    "classroom.commands",
    "classroom.doctor",
    "classroom.findings",
    "classroom.supplies",
    "report.tables",
    "command_line.command",
    "command_line.lessons",
    "command_line.machine",
    "command_line.parser",
    "command_line.students",
    "command_line.words",
    "__main__",
)


@pytest.mark.parametrize("name", SPEAKS_WITHOUT_TORCH)
def test_what_must_speak_when_torch_is_broken_imports_only_the_standard_library(name):
    tree = ast.parse((PACKAGE / f"{name.replace('.', '/')}.py").read_text(encoding="utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {alias.name for node in top if isinstance(node, ast.Import) for alias in node.names}
    for node in top:
        if isinstance(node, ast.ImportFrom):
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    held_to_it = tuple(f"course_utils.{other}" for other in SPEAKS_WITHOUT_TORCH)
    names = {name for name in names if not name.startswith(held_to_it)}
    assert {name.split(".")[0] for name in names} <= sys.stdlib_module_names


def test_importing_the_package_leaves_heavy_libraries_alone():
    """Reads `dir` too, so that names which the package loads on demand count as imported."""
    code = (
        "import sys, course_utils\n"
        "for name in dir(course_utils): getattr(course_utils, name)\n"
        f"print(sorted(set({sorted(ONLY_IN)}) & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert run.stdout == "[]\n", run.stderr
