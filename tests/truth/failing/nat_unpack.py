# case: nat_unpack
# packages: stdlib
# shows: archives unpacked, folders copied, settings and tables written beside the project
# prepare: mkdir tree && printf x > tree/a.txt && tar cf tree.tar tree && python -m zipfile -c tree.zip tree
# conditions: roroot lambdapw docker
# cause.*: library=- dimension=root
import configparser
import csv
import gzip
import mailbox
import pickle
import shutil
import sqlite3
import tarfile
import tempfile
import wave
import xml.etree.ElementTree as ET
import zipfile


def test_tar():
    with tarfile.open("tree.tar") as archive:
        archive.extractall("from_tar")


def test_zip():
    with zipfile.ZipFile("tree.zip") as archive:
        archive.extractall("from_zip")


def test_unpack_archive():
    shutil.unpack_archive("tree.zip", "unpacked")


def test_copytree():
    shutil.copytree("tree", "copy")


def test_make_archive():
    shutil.make_archive("bundle", "zip", "tree")


def test_configparser():
    parser = configparser.ConfigParser()
    with open("out.ini", "w") as file:
        parser.write(file)


def test_csv():
    with open("out.csv", "w", newline="") as file:
        csv.writer(file).writerow([1])


def test_pickle():
    with open("out.pickle", "wb") as file:
        pickle.dump([1], file)


def test_gzip():
    with gzip.open("out.gz", "wt") as file:
        file.write("x")


def test_mailbox():
    mailbox.mbox("box.mbox").flush()
    mailbox.Maildir("maildir", create=True)


def test_xml():
    ET.ElementTree(ET.Element("a")).write("out.xml")


def test_wave():
    with wave.open("out.wav", "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))


def test_temporary_here():
    with tempfile.NamedTemporaryFile(dir="tree"):
        pass


def test_dump():
    connection = sqlite3.connect(":memory:")
    with open("dump.sql", "w") as file:
        file.writelines(connection.iterdump())


def test_reading():
    assert tarfile.open("tree.tar").getnames()
