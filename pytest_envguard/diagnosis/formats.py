"""Remedies as text that is ready to paste: for a shell, a Dockerfile, docker compose, AWS SAM, Kubernetes, GitHub, systemd.

Each form has its own rules for quoting, and values that it can't hold: those are said in a comment, because a line that
fails, or sets something else, is worse than none. Trap: in most of these forms a ``$`` in quotes is still expanded.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from pytest_envguard.model.diagnosis import Remedy, Seed

SHELL, DOCKERFILE, COMPOSE, SAM = "shell", "dockerfile", "compose", "sam"
KUBERNETES, GITHUB, SYSTEMD = "kubernetes", "github", "systemd"

_NATIVE = {
    "lambda": (SAM, DOCKERFILE),
    "lambda-image": (DOCKERFILE, SAM),
    "container": (DOCKERFILE, COMPOSE),
    "kubernetes": (KUBERNETES, DOCKERFILE),
    "openshift": (KUBERNETES, DOCKERFILE),
    "cloudrun": (DOCKERFILE, KUBERNETES),  # a Cloud Run service in YAML has the shape of a Deployment
    "systemd": (SYSTEMD, SHELL),
}
_ANYWHERE = (SHELL, DOCKERFILE)

# docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, "Reserved environment variables". TZ was one of them
# for years (awsdocs/aws-lambda-developer-guide, doc_source/configuration-envvars.md), so it's still left to the code.
_RESERVED = frozenset(
    (
        "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "TZ",
    )
)  # fmt: skip
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LAMBDA_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]+")  # ibid., "Keys start with a letter and are at least two characters"
_PLAIN = re.compile(r"[A-Za-z0-9/_.,+@-]+")  # means itself in a Dockerfile and in a unit
_PLAIN_YAML = re.compile(r"[A-Za-z/][A-Za-z0-9/_.-]*")
# Of YAML 1.1 (yaml.org/type/bool.html, null.html), which most parsers still read.
_WORDS = frozenset(("y", "yes", "n", "no", "true", "false", "on", "off", "null"))
_SITE = """"$(python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')\""""


class _Change(NamedTuple):
    """All remedies together.

    Attributes:
        set: Variables to set.
        unset: Variables to remove.
        seeds: Folders to fill.
        upgrades: Requirements.
    """

    set: Mapping[str, str]
    unset: tuple[str, ...]
    seeds: tuple[Seed, ...]
    upgrades: tuple[str, ...]


def native(lineage: Iterable[str]) -> tuple[str, ...]:
    """Return the forms to show first for a profile, by its own name and those of profiles that it inherits from."""
    return next((_NATIVE[name] for name in lineage if name in _NATIVE), _ANYWHERE)


def forms(remedies: Sequence[Remedy], lineage: Sequence[str]) -> dict[str, str]:
    """Return remedies, applied together, as text for each form that can hold something of them.

    Args:
        remedies: Where two set the same variable, the later one counts. Advice is in no form.
        lineage: The profile that they are for, and those that it inherits from: what is deployed to Lambda lies elsewhere
            than in an image.
    """
    change = _together(remedies)
    code = "/opt" if native(lineage) == _NATIVE["lambda-image"] else "/var/task"
    texts = {
        SHELL: _shell(change),
        DOCKERFILE: _dockerfile(change),
        COMPOSE: _compose(change),
        SAM: _sam(change, code),
        KUBERNETES: _kubernetes(change),
        GITHUB: _github(change),
        SYSTEMD: _systemd(change),
    }
    return {form: text for form, text in texts.items() if text}


def _together(remedies: Sequence[Remedy]) -> _Change:
    values: dict[str, str] = {}
    removed: dict[str, None] = {}
    for remedy in remedies:
        for name in remedy.unset:
            values.pop(name, None)
            removed[name] = None
        for name, value in remedy.set.items():
            removed.pop(name, None)
            values[name] = value
    seeds = {remedy.seed.variable: remedy.seed for remedy in remedies if remedy.seed}
    for name in seeds:  # it points to the folder
        values.pop(name, None)
        removed.pop(name, None)
    upgrades = dict.fromkeys(remedy.upgrade for remedy in remedies if remedy.upgrade)
    return _Change(values, tuple(removed), tuple(seeds.values()), tuple(upgrades))


# -- a shell -----------------------------------------------------------------------------------------------------------


def _shell(change: _Change) -> str:
    lines = [f"pip install {shlex.quote(upgrade)}" for upgrade in change.upgrades]
    for seed in change.seeds:
        folder = _seed_folder(seed)
        lines += [f"# {seed.variable} is filled where there is a network, and deployed with the program"]
        lines += [f"mkdir -p {folder}", *_filling(seed).splitlines(), f'export {seed.variable}="$PWD/{folder}"']
    lines += [f"unset {name}" for name in change.unset]
    lines += _each(change.set, lambda name, value: f"export {name}={shlex.quote(value)}", _bad_name)
    return _ended(lines)


def _seed_folder(seed: Seed) -> str:
    """Relative to the project; named like its variable, so that several seeds don't meet."""
    return f"seed/{seed.variable.lower()}"


def _filling(seed: Seed) -> str:
    """Return the command that fills the folder, from the project."""
    folder = _seed_folder(seed)
    if seed.command:
        return _with_site(re.sub(r"\bDIR\b", folder, seed.command))
    if seed.fill:
        return f'{seed.variable}="$PWD/{folder}" python -c {shlex.quote(seed.fill)}'
    source = next(iter(seed.sources), "")
    return f"cp -r {_with_site(source)}/. {folder}" if source else ""


def _seed_comments(seed: Seed, when: str) -> list[str]:
    folder = _seed_folder(seed)
    return _comments(f"{folder} is filled {when}, where there is a network:\n  mkdir -p {folder}\n  {_filling(seed)}")


def _with_site(text: str) -> str:
    return re.sub(r"\bSITE\b|\{site\}", lambda _: _SITE, text)


# -- Dockerfile --------------------------------------------------------------------------------------------------------


def _dockerfile(change: _Change) -> str:
    lines = [f"RUN pip install --no-cache-dir {shlex.quote(upgrade)}" for upgrade in change.upgrades]
    for seed in change.seeds:
        folder = _seed_folder(seed)
        lines += _seed_comments(seed, "before the build")
        # --chmod takes letters only since version 1.14 of the Dockerfile's syntax
        lines += [f"COPY --chmod=755 {folder} /opt/{folder}", f"ENV {seed.variable}=/opt/{folder}"]
    for name in change.unset:
        lines += _comments(
            f"{name} must not be set: no instruction removes a variable of the base image; use `env -u {name}`"
        )
    lines += _each(change.set, lambda name, value: f"ENV {name}={_docker_value(value)}", _no_line)
    return _ended(lines)


def _docker_value(value: str) -> str:
    """In double quotes a backslash escapes these three only: moby/buildkit, frontend/dockerfile/shell/lex.go."""
    return value if _PLAIN.fullmatch(value) else '"' + re.sub(r'([\\"$])', r"\\\1", value) + '"'


def _no_line(name: str, value: str) -> str:
    """An instruction is one line: an escaped end of line is taken out before anything is read."""
    bad = "\n" in value or "\r" in value
    return _bad_name(name, value) or ("a value of several lines can't be written in a Dockerfile" if bad else "")


# -- YAML --------------------------------------------------------------------------------------------------------------


def _compose(change: _Change) -> str:
    """Every ``$`` is doubled: compose expands them, in quotes too (docs.docker.com/reference/compose-file/interpolation)."""
    seeds = {seed.variable: f"/opt/{_seed_folder(seed)}" for seed in change.seeds}
    values = {name: value.replace("$", "$$") for name, value in change.set.items()} | seeds
    lines = _table("environment", values)
    lines += ["volumes:"] if seeds else []
    lines += [f"  - ./{_seed_folder(seed)}:/opt/{_seed_folder(seed)}:ro" for seed in change.seeds]
    return _yaml(change, ("services", "app"), lines)


def _sam(change: _Change, code: str) -> str:
    """AWS SAM, and CloudFormation but for the code: the folder of a seed lies in the function's ``CodeUri``, or in its image."""
    seeds = {seed.variable: f"{code}/{_seed_folder(seed)}" for seed in change.seeds}
    lines = _table("Variables", {**change.set, **seeds}, _refused_by_lambda)
    return _yaml(change, ("Resources", "MyFunction", "Properties", "Environment"), lines)


def _refused_by_lambda(name: str, value: str) -> str:
    if name in _RESERVED:
        return "Lambda reserves this name and refuses it here; set it in the code, before what reads it is imported"
    if not _LAMBDA_NAME.fullmatch(name):
        return "Lambda refuses this name: one has at least two letters, digits and `_`, and begins with a letter"
    return "CloudFormation would look up `{{resolve:…}}`" if "{{resolve:" in value else ""


def _kubernetes(change: _Change) -> str:
    seeds = {seed.variable: f"/opt/{_seed_folder(seed)}" for seed in change.seeds}
    values = {name: _unexpanded(value) for name, value in change.set.items()} | seeds
    if not values:
        return ""
    lines = ["- name: app", "  env:"]
    for name, value in values.items():
        lines += [f"    - name: {_scalar(name)}", f"      value: {_scalar(value)}"]
    return _yaml(change, ("spec", "template", "spec", "containers"), lines)


def _unexpanded(value: str) -> str:
    """Only ``$(NAME)`` is expanded, and ``$$`` is a ``$`` (kubernetes.io, "Define Dependent Environment Variables")."""
    return value.replace("$", "$$") if "$(" in value or "$$" in value else value


def _github(change: _Change) -> str:
    """Every ``${{`` begins an expression: it's made of one."""
    seeds = {seed.variable: f"${{{{ github.workspace }}}}/{_seed_folder(seed)}" for seed in change.seeds}
    values = {name: value.replace("${{", "${{ '${{' }}") for name, value in change.set.items()}
    return _yaml(change, ("jobs", "test"), _table("env", {**values, **seeds}))


def _table(
    key: str, values: Mapping[str, str], refused: Callable[[str, str], str] = lambda _name, _value: ""
) -> list[str]:
    """Return a mapping; nothing for an empty one, and no key for one with nothing but comments."""
    lines = _each(values, lambda name, value: f"{_scalar(name)}: {_scalar(value)}", refused)
    if all(line.startswith("#") for line in lines):
        return lines
    return [f"{key}:", *(f"  {line}" for line in lines)]


def _yaml(change: _Change, path: Sequence[str], lines: Sequence[str]) -> str:
    """Return ``lines`` below the keys of ``path``, and before them what this form can't do."""
    if not lines:
        return ""
    text = []
    for seed in change.seeds:
        text += _seed_comments(seed, "before")
    for upgrade in change.upgrades:
        text += _comments(f"besides, in the requirements: {upgrade}")
    for name in change.unset:
        text += _comments(f"{name} must not be set, here or in the image")
    if all(line.startswith("#") for line in lines):
        return _ended([*text, *lines])
    text += [f"{'  ' * depth}{key}:" for depth, key in enumerate(path)]
    return _ended([*text, *(f"{'  ' * len(path)}{line}" for line in lines)])


def _scalar(text: str) -> str:
    """Return ``text`` as YAML reads it as a string: in double quotes unless it can't be anything else."""
    if _PLAIN_YAML.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


# -- systemd -----------------------------------------------------------------------------------------------------------


def _systemd(change: _Change) -> str:
    """For a unit's ``[Service]``, a drop-in's for example."""
    lines = []
    for seed in change.seeds:
        folder = f"/opt/{_seed_folder(seed)}"
        lines += [*_seed_comments(seed, "before"), f"# {folder} is a copy of it"]
        lines += [f"Environment={seed.variable}={folder}"]
    lines += [f"UnsetEnvironment={name}" for name in change.unset]
    lines += _each(change.set, lambda name, value: f"Environment={_assignment(name, value)}", _not_in_unit)
    if not lines:
        return ""
    further = [line for upgrade in change.upgrades for line in _comments(f"besides, in the requirements: {upgrade}")]
    return _ended([*further, "[Service]", *lines])


def _assignment(name: str, value: str) -> str:
    """Quotes stand around all of it; ``%`` begins a specifier, ``$`` is nothing special (systemd.exec(5), systemd.syntax(7))."""
    if not value or _PLAIN.fullmatch(value):
        return f"{name}={value}"
    escapes = {"\\": r"\\", '"': r"\"", "%": "%%", "\n": r"\n", "\t": r"\t"}
    return f'"{name}={"".join(escapes.get(char, char) for char in value)}"'


def _not_in_unit(name: str, value: str) -> str:
    control = any((ord(char) < 0x20 and char not in "\t\n") or ord(char) == 0x7F for char in value)
    return _bad_name(name, value) or ("systemd.exec(5) allows no control characters in values" if control else "")


# -- lines -------------------------------------------------------------------------------------------------------------


def _each(values: Mapping[str, str], write: Callable[[str, str], str], refused: Callable[[str, str], str]) -> list[str]:
    """Return a line for each variable, or a comment that says why there is none."""
    lines = []
    for name, value in values.items():
        reason = refused(name, value)
        lines += _comments(f"{name}: {reason}") if reason else [write(name, value)]
    return lines


def _bad_name(name: str, _value: str) -> str:
    return "" if _NAME.fullmatch(name) else "this can't be the name of a variable here"


def _comments(text: str) -> list[str]:
    return [f"# {line}".rstrip() for line in text.splitlines()]


def _ended(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
