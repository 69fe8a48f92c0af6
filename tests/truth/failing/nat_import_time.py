# case: nat_import_time
# packages: stdlib
# shows: a module that makes its folder when it is imported: not one test of the file can run
# conditions: roroot lambdapw docker
# cause.*: library=- dimension=root
import pathlib

DATA = pathlib.Path(__file__).parent / "var"
DATA.mkdir(exist_ok=True)


def test_data():
    assert DATA.is_dir()


def test_number():
    assert 1
