# case: id_git
# packages: gitpython
# shows: git needs to know who commits, trusts only folders of one's own, and keeps its settings in the home folder
# prepare: git init -q repo && git config --global user.email dev@example.org && git config --global user.name Dev && cd repo && git commit -q --allow-empty -m first
# conditions: nohome openshift lambdapw docker
# cause.test_commit_in_tmp: library=-|git dimension=home|user|uid|root remedy=all
# cause.test_log: library=-|git dimension=uid|user|home|root remedy=all
# cause.test_gitpython_commit: library=gitpython|git|-|gitdb dimension=home|user|uid|root remedy=all
# cause.test_global_setting: library=-|git dimension=home|user|uid|root remedy=all
# cause.test_describe: library=-|git dimension=uid|user|home|root remedy=all
import subprocess

import git


def run(*words, cwd):
    return subprocess.run(["git", *words], cwd=cwd, check=True, capture_output=True, text=True).stdout


def test_commit_in_tmp(tmp_path):
    run("init", "-q", cwd=tmp_path)
    run("commit", "-q", "--allow-empty", "-m", "first", cwd=tmp_path)


def test_log():
    assert "first" in run("log", "--oneline", cwd="repo")


def test_describe():
    done = subprocess.run(["git", "describe", "--always"], cwd="repo", capture_output=True, text=True)
    assert done.stdout.strip(), "no version: is this a checkout?"


def test_gitpython_commit(tmp_path):
    repo = git.Repo.init(tmp_path)
    (tmp_path / "a").write_text("a")
    repo.git.add("a")
    repo.git.commit("-m", "first")


def test_global_setting():
    run("config", "--global", "core.pager", "cat", cwd="/")
