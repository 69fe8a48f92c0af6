# case: nat_site_packages
# packages: certifi, platformdirs
# shows: changes below the installed packages and the interpreter, which a deployment keeps from its process
# conditions: nohome openshift lambdapw roroot
# cause.test_bundle: library=-|certifi dimension=root|uid
# cause.test_beside_package: library=-|platformdirs dimension=root|uid
# cause.test_bytecode: library=- dimension=root|uid
# cause.test_prefix: library=- dimension=root|uid
# cause.test_etc: library=- dimension=root|uid
# cause.test_opt: library=- dimension=root|uid
import os
import pathlib
import py_compile
import sys
import sysconfig

import certifi
import platformdirs


def test_bundle():
    with open(certifi.where(), "r+b"):
        pass


def test_beside_package():
    marker = pathlib.Path(platformdirs.__file__).with_name(".in-use")
    marker.touch()
    marker.unlink()


def test_bytecode():
    import platformdirs.version

    py_compile.compile(platformdirs.version.__file__, cfile=platformdirs.version.__file__ + ".tmpc", doraise=True)
    os.remove(platformdirs.version.__file__ + ".tmpc")


def test_prefix():
    folder = os.path.join(sys.prefix, "etc-acme")
    os.makedirs(folder)
    os.rmdir(folder)


def test_etc():
    with open("/etc/hosts", "r+"):
        pass


def test_opt():
    path = pathlib.Path("/opt/acme-envtest")
    path.mkdir()
    path.rmdir()


def test_purelib_is_readable():
    assert os.listdir(sysconfig.get_path("purelib"))
