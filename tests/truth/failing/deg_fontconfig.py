# case: deg_fontconfig
# packages: stdlib
# shows: fontconfig searches all fonts again where it can write no cache, and says so on stderr only
# env: FONTCONFIG_FILE=fonts.conf
# prepare: printf '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>/usr/share/fonts</dir><cachedir>fontcache</cachedir></fontconfig>' > fonts.conf
# conditions: roroot lambdapw docker
# cause.test_quiet: library=-|fontconfig dimension=root
import subprocess


def test_list():
    subprocess.run(["fc-list"], check=True, capture_output=True)


def test_quiet():
    done = subprocess.run(["fc-cache"], capture_output=True, text=True)
    assert "No writable cache directories" not in done.stderr + done.stdout, done.stderr
    assert done.returncode == 0
