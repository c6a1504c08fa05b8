"""Build the course as a site, build/site/: open its index.html, or serve the folder. Executes no lesson.

    python tools/build_site.py                  what `make site` runs
    python tools/build_site.py --runs FOLDER    with the page "Does it run today?" from the workflow's records

The pages keep their places in the repository, so that a link means the same here and there. They are laid out in
build/site-source/, and docs/conf.py says how Sphinx makes the site of them. Two are composed here: the front page,
docs/index.md with parts of README.md, and README.html, the rest of it. The reference is made of the docstrings.
"""

import argparse
import ast
import json
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from lesson_tools.generated import colab_link, repository_address
from lesson_tools.source import REPOSITORY
from today import jobs_of, page, read_records

import course_utils
from course_utils.classroom.lessons import all_lessons, read_notebook
from course_utils.classroom.pages import INSTEAD_OF_WIDGET

SITE = REPOSITORY / "build" / "site"
PACKAGE = REPOSITORY / "course_utils"
# What is shown as it stands, with what it links to.
AS_IT_STANDS = (
    "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "data/README.md", "docs/*.md", "docs/*.jpg", "docs/*.png",
    "docs/photographs/*", "course_utils/weights/README.md", "course_utils/weights/LICENSE",
    "course_utils/weights/curve.png",
)  # fmt: skip
ON_THE_FRONT_PAGE = ("first line", "story", "The lessons")


def lay_out(stage: Path, *, runs: Path | None) -> None:
    """Write everything that Sphinx reads into the folder `stage`."""
    address = repository_address()
    shutil.rmtree(stage, ignore_errors=True)
    for path in (path for pattern in AS_IT_STANDS for path in REPOSITORY.glob(pattern)):
        copy(path, stage / path.relative_to(REPOSITORY))
    titles = {}
    for lesson in all_lessons():
        copy(lesson.path, stage / "downloads" / "notebooks" / lesson.path.name)
        notebook = for_the_site(read_notebook(lesson.path), lesson.name, address=address)
        titles[lesson.name] = "".join(notebook["cells"][0]["source"]).split("\n")[0].removeprefix("# ")
        write(stage / "notebooks" / lesson.path.name, json.dumps(notebook))
    words = (REPOSITORY / "notebooks" / "glossary.md").read_text(encoding="utf-8")
    write(stage / "notebooks" / "glossary.md", glossary(words, titles))
    parts = sections((REPOSITORY / "README.md").read_text(encoding="utf-8"))
    front = (stage / "docs" / "index.md").rename(stage / "index.md")
    times = re.compile(r"(?<=\d) (?=(?:min|s) \|)")  # kept on one line
    write(front, times.sub("\N{NO-BREAK SPACE}", compose(front.read_text(encoding="utf-8"), parts)))
    rest = [f"## {title}\n{body}" for title, body in parts.items() if title not in ON_THE_FRONT_PAGE]
    write(stage / "README.md", "# Set up and use\n\n" + "\n".join(rest))
    workflow = yaml.safe_load((REPOSITORY / ".github" / "workflows" / "test.yml").read_text(encoding="utf-8"))
    write(stage / "today.md", page(read_records(runs) if runs else [], jobs_of(workflow)))
    for name, text in reference().items():
        write(stage / "reference" / f"{name}.md", text)


def copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def sections(text: str) -> dict[str, str]:
    """Return what stands under each heading of the second rank; "first line" and "story" are what stands above them."""
    first, *rest = re.split(r"^## ", text, flags=re.MULTILINE)
    _, line, story = first.split("\n\n", 2)
    return {"first line": line, "story": story} | dict(part.split("\n", 1) for part in rest)


def compose(text: str, parts: dict[str, str]) -> str:
    """Return the front page: a comment that names a part of README.md is replaced by it."""
    text = text.replace("](../", "](")  # it stands in docs/, and moves to the root
    return re.sub(r"<!-- README\.md: (.+) -->", lambda found: parts[found[1]].strip("\n"), text)


def glossary(text: str, titles: dict[str, str]) -> str:
    """Return the glossary as definitions, an anchor each, by lesson; on GitHub it is a table.

    `titles` are those of the lessons by their file's name.
    """
    head, table = text.split("\n| term |", 1)
    by_lesson: dict[str, list[str]] = {}
    for row in table.splitlines()[2:]:
        terms, meaning, story, lesson, code = (cell.strip().strip("–") for cell in row.strip("|").split("|"))
        also = [f"In the story: *{story}*."] if story else []
        if bare := re.fullmatch(r"`course_utils\.(?:(\w+)|[\w.]+)`", code):
            home = f"{course_utils._HOME[bare[1]]}.{bare[1]}" if bare[1] in course_utils._HOME else code[14:-1]
            code = f"{{py:obj}}`{code[1:-1]} <course_utils.{home}>`"
        also += [f"In code: {code}."] if code else []
        lines = [*terms.split(", "), f"  {' '.join([meaning, *also])}", ""]
        by_lesson.setdefault(lesson, []).extend(lines)
    return head + "".join(
        f"\n## [{title}]({name}.ipynb)\n\n:::{{glossary}}\n" + "\n".join(by_lesson[name[:2]]) + ":::\n"
        for name, title in titles.items()
        if name[:2] in by_lesson
    )


def for_the_site(notebook: dict[str, Any], name: str, *, address: str) -> dict[str, Any]:
    """Return a built lesson as the site shows it: its set-up folded, and a button for each way to run it."""
    for cell in notebook["cells"]:
        for picture, kinds in cell.pop("attachments", {}).items():
            kind, data = next(iter(kinds.items()))
            cell["source"] = "".join(cell["source"]).replace(f"attachment:{picture}", f"data:{kind};base64,{data}")
        if cell.get("id") == "generated-navigation":
            time = "".join(cell["source"]).split("\n\n")[0]
            buttons = f'<a class="button" href="{name}.ipynb" download>Download the notebook</a>'
            if colab := colab_link(address, name):
                buttons = f'<a class="button first" href="{colab}">Open in Colab</a>\n{buttons}'
            cell["source"] = f'{time}\n\n<p class="buttons">\n{buttons}\n</p>'
        elif cell.get("id") == "generated-set-up":
            cell["metadata"] |= {
                "tags": ["hide-cell"],
                "mystnb": {"code_prompt_show": "Set-up", "code_prompt_hide": "Set-up"},
            }
        for output in cell.get("outputs", []):
            if "".join(output.get("data", {}).get("text/markdown", "")) == INSTEAD_OF_WIDGET:
                output["data"] = {"text/markdown": "*In the notebook, sliders and buttons appear here.*"}
    return notebook


def reference() -> dict[str, str]:
    """Return the pages of the reference: an index, one for each module of the syllabus, and one for each wing."""
    rooms: dict[str, list[Path]] = {}
    for path in sorted([*PACKAGE.glob("*.py"), *PACKAGE.glob("*/*.py"), *PACKAGE.glob("*/*/__init__.py")]):
        if not path.stem.startswith("_") or path.parent.parent.parent == PACKAGE:
            rooms.setdefault(path.relative_to(PACKAGE).with_suffix("").parts[0], []).append(path)
    wings = sorted(name for name in rooms if (PACKAGE / name).is_dir())
    modules = [name for name in rooms if name not in wings]
    pages = {name: room_page(name, paths) for name, paths in rooms.items()}
    return pages | {"index": reference_index(modules, wings)}


def room_page(room: str, paths: Iterable[Path]) -> str:
    """Return the page of a module, or of a wing: each of its modules that says anything public."""
    names = [".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in paths]
    names = [name.removesuffix(".__init__") for name in names]
    directive = "```{{eval-rst}}\n.. automodule:: {name}\n   :members:\n```\n"
    if names == [f"course_utils.{room}"]:
        return f"# {names[0]}\n\n{directive.format(name=names[0])}"
    parts = [f"## {name.removeprefix(f'course_utils.{room}.')}\n\n{directive.format(name=name)}" for name in names]
    return "\n".join([f"# course_utils.{room}\n", first_sentence(PACKAGE / room / "__init__.py"), "", *parts])


def first_sentence(path: Path) -> str:
    """Return the first paragraph of a module's docstring, "" without one."""
    words = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(words.split("\n\n")[0].split())


def reference_index(modules: list[str], wings: list[str]) -> str:
    """Return the reference's first page: what can be imported by its bare name, then every module."""
    rows = [
        f"| `{module}` | {', '.join(f'{{py:obj}}`{name} <course_utils.{module}.{name}>`' for name in names)} |"
        for module, names in course_utils._NAMES.items()
    ]
    said = [f"| [{name}]({name}.md) | {first_sentence(PACKAGE / f'{name}.py')} |" for name in modules]
    wing = [f"| [{name}]({name}.md) | {first_sentence(PACKAGE / name / '__init__.py')} |" for name in wings]
    return "\n".join(
        [
            "# Reference\n",
            "What the package offers, from its docstrings. These names are imported from `course_utils` itself:\n",
            *["| home | names |", "|---|---|", *rows, "", "## The syllabus, a module each\n"],
            *["| module | what it holds |", "|---|---|", *said, "", "## What serves the lessons\n"],
            *["| wing | what it holds |", "|---|---|", *wing, ""],
            *["```{toctree}", ":hidden:", "", *(f"{name} <{name}>" for name in [*modules, *wings]), "```", ""],
        ]
    )


def build(target: Path, *, runs: Path | None = None, quiet: bool = True) -> int:
    """Build the site into the folder `target`, beside which Sphinx works; return 0 where all is well."""
    from sphinx.cmd.build import main as sphinx

    stage = target.with_name(f"{target.name}-source")
    lay_out(stage, runs=runs)
    shutil.rmtree(target, ignore_errors=True)
    # -W: a link that leads nowhere, or a docstring that cannot be read, is an error; all of them are told.
    options = ["-W", "--keep-going", "-E", "-c", REPOSITORY / "docs", "-d", target.with_name(f"{target.name}-doctrees")]
    options += ["-D", f"html_extra_path={stage / 'downloads'}", *(["-q"] if quiet else [])]
    return sphinx([str(option) for option in [*options, stage, target]])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output", type=Path, default=SITE, help="the folder to build (build/site/)")
    parser.add_argument("--runs", type=Path, help="the folder of the workflow's records")
    options = parser.parse_args(arguments)
    failed = build(options.output.resolve(), runs=options.runs)
    if not failed:
        print(f"Open {options.output / 'index.html'} in a browser.")
    return failed


if __name__ == "__main__":
    sys.exit(main())
