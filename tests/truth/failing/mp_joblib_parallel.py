# case: mp_joblib_parallel
# packages: joblib, scikit-learn
# shows: joblib works in one process only where there is no shared memory; a project that is strict about warnings notices
# timeout: 150
# conditions: noshm lambdapw
# cause.test_strict: library=joblib dimension=shm|root|devices
# cause.test_pids_differ: library=joblib dimension=shm|root|devices
# cause.test_scores: library=joblib|scikit-learn|sklearn dimension=shm|root|devices
# loss: library=joblib in=noshm,lambdapw
import os
import warnings

from joblib import Parallel, delayed
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score


def test_parallel():
    assert Parallel(n_jobs=2)(delayed(abs)(n) for n in (-1, -2)) == [1, 2]


def test_strict():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Parallel(n_jobs=2)(delayed(abs)(n) for n in (-1, -2))


def test_pids_differ():
    pids = Parallel(n_jobs=2)(delayed(os.getpid)() for _ in range(2))
    assert os.getpid() not in pids


def test_scores():
    X, y = make_classification(60, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        scores = cross_val_score(LogisticRegression(), X, y, cv=2, n_jobs=2)
    assert len(scores) == 2
