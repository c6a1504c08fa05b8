"""What was found on this machine, as text for a terminal and as a table for a notebook; `doctor` fills it in."""

import textwrap
from dataclasses import dataclass
from typing import NamedTuple

from course_utils.report.tables import html_table


class Finding(NamedTuple):
    """One line of the report. `problem` is empty where all is well; else `remedy` is the command that mends it."""

    what: str
    found: str
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, repr=False)
class EnvironmentReport:
    """What `check_environment` found; print it, or end a notebook cell with it."""

    findings: tuple[Finding, ...]

    @property
    def problems(self) -> tuple[Finding, ...]:
        """The findings that need mending."""
        return tuple(finding for finding in self.findings if finding.problem)

    @property
    def ok(self) -> bool:
        """True where nothing needs mending."""
        return not self.problems

    @property
    def summary(self) -> str:
        """One sentence: ready, or how many things need mending."""
        count = len(self.problems)
        return "This machine is ready." if not count else f"{count} thing{'s' * (count > 1)} to mend, marked below."

    def __repr__(self) -> str:
        width = 6 + max((len(finding.what) for finding in self.findings), default=0)
        lines = [self.summary, ""]
        for what, found, problem, remedy in self.findings:
            head = f"{'MEND' if problem else 'ok':<5} {what}"
            texts = [found, problem, f"-> {remedy}"] if problem else [found]
            for text in texts:
                # A path or a command is never broken: it is there to be copied.
                wrapped = textwrap.wrap(text, 110 - width, break_long_words=False, break_on_hyphens=False)
                for line in [text] if text.startswith("->") else wrapped:
                    lines.append(f"{head:<{width}}  {line}")
                    head = ""
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """One line where all is well, else a table of what needs mending; everything else is folded away below."""
        everything = [["", "found"], *([what, found] for what, found, _, _ in self.findings)]
        table = html_table(everything, caption="Found on this machine", align="left")
        if self.ok:
            return _folded(self.summary, table)
        rows = [
            ["", "found"],
            *([what, f"{found}\n{problem}\n{remedy}"] for what, found, problem, remedy in self.problems),
        ]
        to_mend = html_table(rows, caption=self.summary, align="left")
        return f"<div>{to_mend}{_folded('Everything that was looked at', table)}</div>"


def _folded(summary: str, content: str) -> str:
    return f"<details><summary>{summary}</summary>{content}</details>"
