"""Environments in the junit file that pytest writes: their names while tests run, their suites when it's written."""

from __future__ import annotations

import os
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from pytest_envguard.report import files
from pytest_envguard.report.junit import ENVIRONMENT, reshape, suites
from pytest_envguard.report.summary import Summary

_DECLARATION = '<?xml version="1.0" encoding="utf-8"?>'  # as pytest writes it


def writers(config: pytest.Config) -> list[Any]:
    """Return the plugins that write junit files.

    pytest's own has no public name; what it has is the method that `record_xml_attribute` calls.
    """
    return [plugin for plugin in config.pluginmanager.get_plugins() if hasattr(plugin, "node_reporter")]


def label(several: list[Any], report: pytest.TestReport | pytest.CollectReport, plain: str, environment: str) -> None:
    """Give the report's junit case its plain name, and a class name that begins with the environment.

    Readers of junit files tell cases apart by class name and name, and cut names at odd characters. A test whose setup was
    fine gets a name when it ends, as with pytest itself: if it never does, it must not look as if it had passed.

    Args:
        several: What writes junit files.
        report: Labelled already, with its worker.
        plain: Its node id without the environment.
        environment: Where it's from.
    """
    if not several or (report.when == "setup" and report.passed):
        return
    path, _, names = plain.partition("::")
    name, bracket, parameters = names.partition("[")
    *classes, last = name.split("::")
    for writer in several:
        case = writer.node_reporter(report)
        prefix = [writer.prefix] if getattr(writer, "prefix", None) else []
        module = path.removesuffix(".py").replace("/", ".")
        case.add_attribute("classname", ".".join([environment, *prefix, module, *classes]))
        of_file = module  # that could not be collected
        case.add_attribute("name", last + bracket + parameters or of_file)
        if (ENVIRONMENT, environment) not in case.properties:
            case.add_property(ENVIRONMENT, environment)


def shape(config: pytest.Config, summary: Summary | None) -> list[str]:
    """Give each environment a suite of its own in files that were written; returns lines for the terminal.

    A file that can't be read or written again stays as it was, and that is said.

    Args:
        config: pytest's.
        summary: The run; None for one that wasn't in environments.
    """
    told = []
    known = list(suites(summary)) if summary else []
    failing = summary.failing if summary else ()
    for writer in writers(config):
        file = Path(os.path.realpath(writer.logfile))
        if not file.is_file():  # /dev/stdout
            continue
        try:
            tree = ET.parse(file)  # noqa: S314  # pytest wrote it just now
            reshape(tree.getroot(), known, failing, strict=writer.family == "xunit2")
            files.replace(file, f"{_DECLARATION}{ET.tostring(tree.getroot(), encoding='unicode')}")
        except (OSError, ET.ParseError) as error:
            told.append(f"{file}: environments have no suites of their own in it: {error}")
    return told
