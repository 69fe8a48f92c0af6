# case: nat_click_command
# packages: click
# shows: a command line program tested by click's runner, which keeps the exception for itself
# conditions: roroot openshift lambdapw
# cause.test_init: library=-|click dimension=root
# cause.test_export: library=-|click dimension=root
# cause.test_message: library=-|click dimension=root
# cause.test_login: library=-|click dimension=root|home|user|uid remedy=all
import json
import pathlib

import click
from click.testing import CliRunner


@click.group()
def main():
    pass


@main.command()
def init():
    pathlib.Path("acme.toml").write_text("")
    click.echo("ready")


@main.command()
@click.argument("target", type=click.File("w"))
def export(target):
    json.dump({}, target)


@main.command()
def save():
    try:
        pathlib.Path("saved.txt").write_text("")
    except OSError as error:
        raise click.ClickException(f"cannot save: {error.strerror}") from error


@main.command()
def login():
    folder = pathlib.Path(click.get_app_dir("acme"))
    folder.mkdir(parents=True, exist_ok=True)


def run(*words):
    return CliRunner().invoke(main, words)


def test_init():
    assert run("init").exit_code == 0


def test_export():
    result = run("export", "data.json")
    assert result.exit_code == 0, result.output


def test_message():
    assert "Error" not in run("save").output


def test_login():
    result = run("login")
    assert result.exception is None


def test_help():
    assert run("--help").exit_code == 0
