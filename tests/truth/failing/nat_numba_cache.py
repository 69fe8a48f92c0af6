# case: nat_numba_cache
# packages: numba, numpy
# shows: numba's cache=True looks for a writable place when a function is decorated; without one it refuses to go on
# timeout: 120
# conditions: roroot openshift lambda lambdapw docker
# cause.test_cached_kernel: library=numba dimension=root|home remedy=roroot,lambda,lambdapw,docker
# cause.test_cached_vectorized: library=numba dimension=root|home remedy=roroot,lambda,lambdapw,docker
import numba
import numpy as np


def total(values):
    result = 0.0
    for value in values:
        result += value
    return result


def test_cached_kernel():
    kernel = numba.njit(cache=True)(total)
    assert kernel(np.ones(3)) == 3.0


def test_cached_vectorized():
    @numba.vectorize(["float64(float64)"], cache=True)
    def double(x):
        return 2 * x

    assert double(np.array([1.0]))[0] == 2.0


def test_compiled_in_memory():
    assert numba.njit(total)(np.ones(3)) == 3.0
