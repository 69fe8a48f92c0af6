# case: nat_joblib_memory
# packages: joblib, diskcache
# shows: results kept on disk: below the project, below the home folder, below /tmp
# conditions: roroot openshift lambda container docker
# cause.test_memory_beside_project: library=joblib|- dimension=root
# cause.test_memory_in_home: library=joblib|- dimension=root|home|user|uid remedy=roroot,openshift,lambda,container,docker
# cause.test_diskcache_beside_project: library=diskcache|- dimension=root
# cause.test_diskcache_in_home: library=diskcache|- dimension=root|home|user|uid remedy=roroot,openshift,lambda,container,docker
# cause.test_dump: library=joblib|- dimension=root
import os

import diskcache
import joblib


def square(x):
    return x * x


def test_memory_beside_project():
    memory = joblib.Memory("cachedir", verbose=0)
    assert memory.cache(square)(3) == 9


def test_memory_in_home():
    memory = joblib.Memory(os.path.expanduser("~/.cache/billing"), verbose=0)
    assert memory.cache(square)(3) == 9


def test_memory_in_tmp(tmp_path):
    memory = joblib.Memory(tmp_path, verbose=0)
    assert memory.cache(square)(3) == 9


def test_diskcache_beside_project():
    with diskcache.Cache("results") as cache:
        cache["a"] = 1


def test_diskcache_in_home():
    with diskcache.Cache(os.path.expanduser("~/.billing-cache")) as cache:
        cache["a"] = 1


def test_dump():
    joblib.dump({"weights": [1, 2, 3]}, "model.joblib")
