"""Tests that ask for `fake_environment`, run as a user runs them."""

from __future__ import annotations

import sys
from pathlib import Path
from textwrap import dedent

import pytest

from .conftest import Run

APP = """
    import os
    from pathlib import Path


    def cached(name):
        folder = Path(os.environ.get("CACHE", "~/.cache")).expanduser()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("cached")
        return folder / name
"""


@pytest.fixture(autouse=True)
def app(project: Path) -> None:
    """An application that keeps a cache."""
    (project / "app.py").write_text(dedent(APP))


def write(project: Path, text: str, name: str = "test_app.py") -> None:
    """Write a file of tests."""
    (project / name).write_text(dedent(text))


def test_a_bug_of_production_on_the_developers_machine(project: Path, run: Run) -> None:
    """The cache can't be made on Lambda: the test fails with production's own error, and shows the line that did it."""
    write(
        project,
        """
        from app import cached

        def test_cache(fake_environment):
            fake_environment("lambda")
            cached("model")

        def test_cache_in_tmp(fake_environment, monkeypatch, tmp_path, capsys):
            (tmp_path / "real").write_text("real")
            env = fake_environment("lambda", tmp_size="1M")
            monkeypatch.setenv("CACHE", "/tmp/cache")
            print(cached("model").read_text())
            assert capsys.readouterr().out == "cached\\n"
            assert env.add(tmp_path / "real").read_text() == "real"

        def test_host(tmp_path):
            (tmp_path / "x").write_text("x")
        """,
    )

    result = run("-v", "-p", "no:cacheprovider")

    assert result.code == 1
    assert "1 failed, 2 passed" in result.out
    assert "E       OSError: [Errno 30] Read-only file system: '/home/sbx_user1051'" in result.out
    assert result.has('>       cached("model")')
    assert "pytest_envguard/fake/kernel.py" not in result.out
    assert not (project / "~").exists()


def test_the_real_file_system_is_back_after_a_failure(project: Path, run: Run) -> None:
    """Whatever a test does in its environment, the next one is on the host, as are pytest's own files."""
    write(
        project,
        """
        import os
        import pytest

        def test_fails(fake_environment):
            fake_environment("lambda")
            os.chdir("/tmp")
            os.environ["HOME"] = "/tmp"
            assert os.listdir("/opt") == ["x"]

        @pytest.fixture
        def broken(fake_environment):
            fake_environment("lambda")
            raise RuntimeError("in a fixture")

        def test_errs(broken):
            pass

        def test_is_back():
            assert os.path.samefile(os.path.dirname(__file__), os.getcwd())
            assert os.environ["HOME"] == os.environ["WAS_HOME"]
        """,
    )
    (project / "conftest.py").write_text("import os\nos.environ['WAS_HOME'] = os.environ['HOME']\n")

    result = run("--junitxml=junit.xml")

    assert "1 failed, 1 passed, 1 error" in result.out
    assert "assert [] == ['x']" in result.out
    assert (project / "junit.xml").exists()
    assert (project / ".pytest_cache/v/cache/lastfailed").exists()


@pytest.mark.parametrize("style", ["long", "short", "line", "native", "no"])
def test_every_style_of_tracebacks_can_be_written(project: Path, run: Run, style: str) -> None:
    """pytest looks at files and folders while it writes them, and the test's environment is still there."""
    write(project, "def test_x(fake_environment):\n    fake_environment('lambda')\n    open('/opt/x', 'w')\n")

    result = run(f"--tb={style}")

    assert "1 failed" in result.out and "INTERNALERROR" not in result.out
    assert "Read-only file system: '/opt/x'" in result.out or style == "no"


def test_with_workers_and_in_any_order(project: Path, run: Run) -> None:
    """`-n 2`: each worker has its own; tests with pyfakefs's `fs` stand between them."""
    write(
        project,
        """
        import os
        import pytest

        @pytest.mark.parametrize("name", ["lambda", "container", "lambda+offline", "systemd"] * 5)
        def test_environment(fake_environment, name):
            env = fake_environment(name)
            (env.tmp / "x").write_text("x")
            with pytest.raises(OSError, match="Read-only"):
                open("/etc/x", "w")

        @pytest.mark.parametrize("number", range(5))
        def test_fs(fs, number):
            fs.create_file("/opt/x")
            open("/opt/x", "w").close()
            os.truncate("/opt/x", 0)
            assert os.listdir("/opt") == ["x"]

        @pytest.mark.parametrize("number", range(5))
        def test_host(number):
            assert os.path.exists(__file__)
        """,
    )

    assert "30 passed" in run("-n", "2").out
    assert "30 passed" in run().out


def test_without_pyfakefs_one_command_is_named(project: Path, run: Run) -> None:
    """The one error says what to install; the plugin and all other tests work without it."""
    (project / "conftest.py").write_text(
        dedent(
            """
            import sys

            for name in [name for name in sys.modules if name.partition(".")[0] == "pyfakefs"]:
                del sys.modules[name]
            sys.modules["pyfakefs"] = None
            """
        )
    )
    write(project, "def test_x(fake_environment):\n    fake_environment('lambda')\n\ndef test_y():\n    pass\n")

    result = run("-p", "no:pytest_fakefs")

    assert "1 failed, 1 passed" in result.out
    assert result.has(
        ">       fake_environment('lambda')",
        "E       pytest_envguard.errors.EnvguardError: `fake_environment` needs pyfakefs, which isn't installed",
        "E       hint: run `pip install 'pytest-envguard[fake]'`",
    )
    assert "environment.py" not in result.out


def test_a_mistake_is_shown_at_the_line_that_made_it(project: Path, run: Run) -> None:
    """One message and the user's own line; nothing of how it was found."""
    write(
        project,
        """
        def test_name(fake_environment):
            fake_environment("lamda")

        def test_twice(fake_environment):
            fake_environment("lambda")
            fake_environment("lambda")

        def test_missing(fake_environment):
            fake_environment("lambda").add("no-such-folder")
        """,
    )

    result = run()

    assert "3 failed" in result.out
    assert "E       hint: did you mean `lambda`? known: " in result.out
    assert (
        "E       hint: a test is in one environment at a time: write one test for each, or parametrize it" in result.out
    )
    assert "cannot be shown at /var/task/no-such-folder: [Errno 2] No such file or directory" in result.out
    assert ".py" not in result.out.replace("test_app.py", "")


def test_a_projects_own_layout(project: Path, run: Run) -> None:
    """A profile of the project's says where its code lies."""
    (project / "pyproject.toml").write_text(
        '[tool.envguard.profiles.edge]\ninherits = "container"\n[tool.envguard.profiles.edge.layout]\n"/app" = "the project"\n'
    )
    write(
        project,
        """
        import os
        from pathlib import Path

        def test_app(fake_environment):
            env = fake_environment("edge")
            env.add(Path(__file__).parent, env.task)
            assert (str(env.task), os.getcwd()) == ("/app", "/app")
            assert "def cached" in Path("app.py").read_text()
        """,
    )

    assert "1 passed" in run().out


def test_the_fixture_is_described(run: Run) -> None:
    """`pytest --fixtures` says how it's called, in the first line what it is."""
    shown = run("--fixtures").out
    assert "    Enter a deployment's layout as a fake file system, on any operating system.\n" in shown
    assert "what it can't" not in shown
    whole = run("--fixtures", "-v").out
    assert "extension modules in C" in whole and "child processes" in whole and "tokenizers" in whole


@pytest.mark.skipif(sys.platform != "linux", reason="environments of the kernel's")
def test_inside_of_an_environment_of_the_kernels(project: Path, run: Run) -> None:
    """Where the suite runs in a real environment, the fake is shown all the same."""
    write(
        project,
        """
        import os

        def test_x(fake_environment):
            env = fake_environment("lambda", uid=5)
            env.write("app.py", "x")
            assert (os.listdir("/var/task"), os.getuid()) == (["app.py"], 5)
        """,
    )

    assert "1 passed" in run("--envguard=container").out
