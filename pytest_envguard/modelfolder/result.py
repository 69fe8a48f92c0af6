"""What was found in a model folder, by all three phases."""

from __future__ import annotations

from typing import NamedTuple

from pytest_envguard.model.modelfolder import ERROR, Contents, FolderFinding
from pytest_envguard.modelfolder.loading import Loading
from pytest_envguard.modelfolder.semantic import Change


class ModelFolderFailed(AssertionError):  # noqa: N818  # it is a test's failure, not a mistake
    """Something was found in a model folder that is an error."""

    __module__ = "pytest_envguard.modelfolder"  # its public place, which pytest shows


class Report(NamedTuple):
    """What was found in a folder.

    Attributes:
        folder: As it was given.
        environment: Name of the environment.
        contents: Of the static phase: files, their size, kinds of tokenizer and weights.
        loading: Of the dynamic phase: seconds, peak memory, refusals.
        semantics: Of the semantic phase: what became of each text.
        findings: Of all three, the worst first.
        notes: What is not as the user may think.
    """

    folder: str
    environment: str
    contents: Contents
    loading: Loading
    semantics: tuple[Change, ...] = ()
    findings: tuple[FolderFinding, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def good(self) -> bool:
        """Whether nothing was found that is an error."""
        return all(finding.severity != ERROR for finding in self.findings)

    def check(self, *, allowed: tuple[str, ...] = ()) -> Report:
        """Return this report if nothing was found that is an error.

        Args:
            allowed: Kinds of findings that are accepted, such as "special-token-split".

        Raises:
            ModelFolderFailed: With everything that was found, as text.
        """
        __tracebackhide__ = True
        if any(finding.severity == ERROR and finding.kind not in allowed for finding in self.findings):
            raise ModelFolderFailed(str(self))
        return self

    def __repr__(self) -> str:
        kinds = ", ".join(finding.kind for finding in self.findings if finding.severity == ERROR) or "no errors"
        return f"<ModelFolder {self.folder!r} in {self.environment}: {kinds}>"

    def __str__(self) -> str:
        from pytest_envguard.modelfolder.telling import text

        return text(self)
