# case: id_platformdirs
# packages: platformdirs, appdirs
# shows: folders of a user's own, made when they are asked for
# conditions: roroot nohome openshift lambda lambdapw docker
# cause.test_cache: library=platformdirs|pathlib|- dimension=root|home|user|uid remedy=all
# cause.test_config: library=platformdirs|pathlib|- dimension=root|home|user|uid remedy=all
# cause.test_log: library=platformdirs|pathlib|- dimension=root|home|user|uid remedy=all
# cause.test_data_of_appdirs: library=appdirs|- dimension=root|home|user|uid remedy=roroot,openshift,lambda,lambdapw,docker
import os

import appdirs
import platformdirs


def test_cache():
    folder = platformdirs.user_cache_path("invoices", ensure_exists=True)
    (folder / "index.json").write_text("{}")


def test_config():
    folder = platformdirs.user_config_dir("invoices", "acme", ensure_exists=True)
    with open(os.path.join(folder, "settings.ini"), "w") as file:
        file.write("[ui]\n")


def test_log():
    folder = platformdirs.PlatformDirs("invoices").user_log_path
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "today.log").touch()


def test_data_of_appdirs():
    folder = appdirs.user_data_dir("invoices")
    os.makedirs(folder, exist_ok=True)
