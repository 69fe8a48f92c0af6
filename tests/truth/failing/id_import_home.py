# case: id_import_home
# packages: stdlib
# shows: settings below the home folder, made when a module is imported
# conditions: roroot nohome openshift lambdapw docker
# cause.*: library=-|pathlib dimension=root|home|user|uid remedy=all
import pathlib

SETTINGS = pathlib.Path.home() / ".config" / "billing"
SETTINGS.mkdir(parents=True, exist_ok=True)


def test_settings():
    (SETTINGS / "settings.toml").write_text("")
