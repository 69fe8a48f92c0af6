# case: nat_job_store
# packages: apscheduler, sqlalchemy, gitpython, filelock
# shows: a scheduler's jobs in a file, a lock file, a repository: libraries that wrap what they are refused
# conditions: roroot lambdapw docker
# cause.test_jobs: library=sqlalchemy|apscheduler|sqlite3|- dimension=root
# cause.test_lock: library=filelock|- dimension=root
# cause.test_lock_in_home: library=filelock|- dimension=root|home|user|uid remedy=lambdapw,docker,roroot
# cause.test_repository: library=gitpython|git|- dimension=root
import os

import git
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.background import BackgroundScheduler
from filelock import FileLock, Timeout


def test_jobs():
    scheduler = BackgroundScheduler(jobstores={"default": SQLAlchemyJobStore("sqlite:///jobs.db")})
    scheduler.start()
    scheduler.shutdown()


def test_lock():
    with FileLock("app.lock", timeout=1):
        pass


def test_lock_in_home():
    path = os.path.expanduser("~/.acme.lock")
    try:
        with FileLock(path, timeout=1):
            pass
    except (Timeout, OSError) as error:
        raise RuntimeError("another acme is running") from error


def test_repository():
    git.Repo.init("checkout")


def test_lock_in_tmp(tmp_path):
    with FileLock(tmp_path / "app.lock"):
        pass
