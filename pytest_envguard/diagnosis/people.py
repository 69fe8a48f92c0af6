"""Who did it: libraries by their distributions and versions, the project, or nobody that is known. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from pytest_envguard.diagnosis.ties import agrees, author_of, is_standard, names
from pytest_envguard.model.diagnosis import Setting
from pytest_envguard.model.evidence import Evidence, Frame, Raised
from pytest_envguard.model.refusal import Refusal

Name = Callable[[str], str]
"""Distribution of a top-level package."""

# What else a module's distribution may be called, where the name differs and the module is common.
_DISTRIBUTIONS = {
    "PIL": "pillow",
    "attr": "attrs",
    "bs4": "beautifulsoup4",
    "cv2": "opencv-python",
    "dateutil": "python-dateutil",
    "dotenv": "python-dotenv",
    "faiss": "faiss-cpu",
    "fitz": "pymupdf",
    "git": "gitpython",
    "jose": "python-jose",
    "jwt": "pyjwt",
    "psycopg2": "psycopg2-binary",
    "skimage": "scikit-image",
    "sklearn": "scikit-learn",
    "yaml": "pyyaml",
}
# What carries a request for somebody: who wanted the answer is farther out.
_TRANSPORTS = frozenset(("aiohttp", "anyio", "httpcore", "httpx", "requests", "trio", "urllib3"))


class People:
    """The libraries of one environment.

    Attributes:
        setting: The environment.
    """

    def __init__(self, setting: Setting, refused: Iterable[Refusal] = (), distribution: Name | None = None) -> None:
        """Take ``refused`` for what else is a library: who was refused something as one."""
        self.setting = setting
        self._refused = frozenset(refusal.library for refusal in refused)
        self._distribution = distribution or (lambda _module: "")

    def library(self, module: str) -> tuple[str, str]:
        """Return a package's distribution and version; the package's own name and "" where nobody knows."""
        for name in (self._distribution(module), module, module.replace("_", "-"), _DISTRIBUTIONS.get(module, "")):
            version = self.setting.version(name) if name else ""
            if version:
                return name.replace("_", "-"), version
        return self._distribution(module) or module, ""

    def is_library(self, frame: Frame) -> bool:
        """A library's files are named from where it's installed, so from its package; those of a project may be as well."""
        module = frame.library
        if not module or is_standard(frame) or not frame.place.startswith((f"{module}/", f"{module}.py:")):
            return False
        return module in self._refused or bool(self.library(module)[1])

    def author(self, raised: Raised, *, wanted: bool = False) -> tuple[str, str, str]:
        """Return library, version and line of the innermost code that isn't the standard library's; "" for the project.

        What a framework calls of the project is the project's doing.

        Args:
            raised: What came through that code.
            wanted: Whether who only carries requests is passed over where somebody else sent them.
        """
        frames = [frame for frame in raised.frames if not is_standard(frame)]
        if not frames or not self.is_library(frames[0]):
            return "", "", frames[0].place if frames else ""
        others = (frame for frame in frames if frame.library not in _TRANSPORTS and self.is_library(frame))
        frame = next(others, frames[0]) if wanted else frames[0]
        return (*self.library(frame.library), frame.place)


def attributed(refusals: Sequence[Refusal], evidence: Evidence, setting: Setting) -> tuple[Refusal, ...]:
    """Return refusals with their authors where the stack didn't tell: by what failed of them.

    Names are looked up in a thread of an executor (asyncio, anyio), whose stack begins in the standard library.
    """
    if not any(map(_is_of_nobody, refusals)):
        return tuple(refusals)
    people = People(setting, refusals)
    return tuple(_attributed(one, evidence, people) if _is_of_nobody(one) else one for one in refusals)


def _is_of_nobody(refusal: Refusal) -> bool:
    return not author_of(refusal) and not refusal.process


def _attributed(refusal: Refusal, evidence: Evidence, people: People) -> Refusal:
    for raised in evidence.raised:
        if "AssertionError" not in raised.bases and (agrees(raised, refusal) or names(raised, refusal.target)):
            for frame in raised.frames:
                if not is_standard(frame):
                    library = frame.library if people.is_library(frame) else ""
                    return refusal._replace(library=library, place=frame.place)
    return refusal
