# case: res_small_tmp
# packages: numpy, pyarrow, pandas, h5py
# shows: a temporary folder that is too small, from Python, from native code, from children
# timeout: 120
# conditions: docker
# cause.test_named_file: library=-|tempfile dimension=tmp_size
# cause.test_numpy: library=numpy|- dimension=tmp_size
# cause.test_parquet: library=pyarrow|pandas|- dimension=tmp_size
# cause.test_h5py: library=h5py|- dimension=tmp_size
# cause.test_sqlite: library=-|sqlite3 dimension=tmp_size
# cause.test_archive: library=-|tarfile|shutil dimension=tmp_size
# cause.test_child: library=- dimension=tmp_size
# cause.test_wrapped: library=- dimension=tmp_size
# cause.test_free: library=- dimension=tmp_size
# cause.test_head: library=- dimension=tmp_size
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SIZE = 90 << 20


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory() as path:
        yield path


def test_named_file():
    with tempfile.NamedTemporaryFile() as file:
        for _ in range(SIZE >> 20):
            file.write(b"x" * (1 << 20))
        file.flush()


def test_numpy(folder):
    np.save(f"{folder}/a.npy", np.ones(SIZE // 8))


def test_parquet(folder):
    values = np.random.default_rng(0).random(SIZE // 8)
    pq.write_table(pa.table({"x": values}), f"{folder}/a.parquet", compression="none", use_dictionary=False)


def test_h5py(folder):
    with h5py.File(f"{folder}/a.h5", "w") as file:
        file["x"] = np.ones(SIZE // 8)


def test_sqlite(folder):
    connection = sqlite3.connect(f"{folder}/a.db")
    connection.execute("create table t(x)")
    try:
        with connection:
            connection.executemany("insert into t values (?)", ((b"x" * (1 << 20),) for _ in range(SIZE >> 20)))
    finally:
        connection.close()


def test_archive(folder):
    with tarfile.open(f"{folder}/a.tar", "w") as archive:
        info = tarfile.TarInfo("x")
        info.size = SIZE
        with open("/dev/zero", "rb") as zeros:
            archive.addfile(info, zeros)


def test_child(folder):
    subprocess.run(["dd", "if=/dev/zero", f"of={folder}/x", "bs=1M", "count=90"], check=True, capture_output=True)


def test_wrapped(folder):
    try:
        with open(f"{folder}/x", "wb") as file:
            file.write(b"x" * SIZE)
    except OSError:
        raise RuntimeError("export failed")


def test_free():
    assert shutil.disk_usage(tempfile.gettempdir()).free > SIZE


def test_head(folder):
    subprocess.run(f"head -c {SIZE} /dev/zero > {folder}/x", shell=True)
    assert os.path.getsize(f"{folder}/x") == SIZE


def test_little(folder):
    np.save(f"{folder}/a.npy", np.ones(10))
