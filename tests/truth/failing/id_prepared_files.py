# case: id_prepared_files
# packages: boto3
# shows: what the developer has in the home folder and the deployment doesn't: credentials, settings, tokens
# prepare: mkdir -p $HOME/.aws $HOME/.config/acme && printf '[default]\naws_access_key_id=a\naws_secret_access_key=b\n' > $HOME/.aws/credentials && printf 'machine example.org login a password b\n' > $HOME/.netrc && chmod 600 $HOME/.netrc && printf '[ui]\nlang=de\n' > $HOME/.config/acme/config.ini
# env: AWS_EC2_METADATA_DISABLED=true AWS_DEFAULT_REGION=eu-west-1
# conditions: nohome openshift lambdapw docker
# cause.test_credentials: library=boto3|botocore dimension=home|user|uid|root
# cause.test_client: library=boto3|botocore dimension=home|user|uid|root
# cause.test_netrc: library=-|netrc dimension=home|user|uid|root
# cause.test_config: library=-|configparser dimension=home|user|uid|root
# cause.test_exists: library=- dimension=home|user|uid|root
# cause.test_wrapped: library=-|netrc dimension=home|user|uid|root
import configparser
import netrc
import os
import pathlib

import boto3
import pytest


def settings():
    parser = configparser.ConfigParser()
    parser.read(os.path.expanduser("~/.config/acme/config.ini"))
    return parser


def test_credentials():
    assert boto3.Session().get_credentials().access_key == "a"


def test_client():
    url = boto3.client("s3").generate_presigned_url("get_object", Params={"Bucket": "b", "Key": "k"})
    assert "Signature" in url


def test_netrc():
    assert netrc.netrc().authenticators("example.org")[0] == "a"


def test_config():
    assert settings()["ui"]["lang"] == "de"


def test_exists():
    assert pathlib.Path(os.path.expanduser("~/.netrc")).exists()


def test_wrapped():
    try:
        netrc.netrc()
    except OSError:
        raise PermissionError("not logged in")


def test_default():
    assert settings().get("ui", "theme", fallback="light") == "light"


def test_missing_section():
    with pytest.raises(KeyError):
        settings()["nothing"]
