# case: id_pyximport
# packages: cython, setuptools
# shows: a module that Cython compiles when it is imported, into a folder of the home folder
# prepare: printf 'def twice(int x):\n    return 2 * x\n' > fastmath.pyx
# timeout: 150
# conditions: roroot lambdapw docker
# cause.test_import: library=cython|pyximport|setuptools|distutils dimension=root|home|user|uid remedy=roroot,lambdapw
# cause.test_import: in=docker library=cython|pyximport|setuptools|distutils dimension=root|home|user|uid
# cause.test_build_here: library=cython|Cython|- dimension=root
import sys


def test_import():
    import pyximport

    importers = pyximport.install(language_level=3)
    try:
        import fastmath

        assert fastmath.twice(3) == 6
    finally:
        pyximport.uninstall(*importers)
        sys.modules.pop("fastmath", None)


def test_build_here():
    from Cython.Build import cythonize

    cythonize("fastmath.pyx", language_level=3, quiet=True, force=True)
