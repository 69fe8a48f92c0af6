# case: deg_caches_lost
# packages: matplotlib, tldextract, requests-cache
# shows: libraries that go on without their cache; a test that looks whether it is there
# timeout: 120
# conditions: roroot openshift lambdapw docker
# cause.test_matplotlib_warns: library=matplotlib dimension=root|home|user|uid remedy=all
# cause.test_matplotlib_folder: library=matplotlib dimension=root|home|user|uid remedy=all
# cause.test_requests_cache: library=requests-cache|- dimension=root
# cause.test_requests_cache_in_home: library=requests-cache|platformdirs|- dimension=root|home|user|uid remedy=all
# cause.test_tldextract_cache: library=tldextract|- dimension=root|home|user|uid
# loss: library=matplotlib in=roroot,lambdapw,docker
import os
import subprocess
import sys

import matplotlib
import requests_cache

matplotlib.use("Agg")


def test_matplotlib_plots(tmp_path):
    import matplotlib.pyplot as plt

    plt.plot([1, 2])
    plt.savefig(tmp_path / "a.png")
    plt.close()


def test_matplotlib_warns():
    code = "import matplotlib; matplotlib.get_cachedir()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert not done.stderr


def test_matplotlib_folder():
    assert "matplotlib-" not in os.path.basename(matplotlib.get_configdir())


def test_requests_cache():
    session = requests_cache.CachedSession("http_cache")
    assert session.cache.responses is not None
    session.cache.clear()


def test_requests_cache_in_home():
    session = requests_cache.CachedSession("acme", use_cache_dir=True)
    session.cache.clear()


def test_tldextract():
    import tldextract

    assert tldextract.TLDExtract(suffix_list_urls=())("forums.bbc.co.uk").domain == "bbc"


def test_tldextract_cache():
    import tldextract

    folder = os.path.join(os.path.expanduser("~"), ".cache", "acme-suffixes")
    tldextract.TLDExtract(cache_dir=folder, suffix_list_urls=())("forums.bbc.co.uk")
    assert os.path.isdir(folder)
