# case: nat_formats
# packages: h5py, pyarrow, pandas, openpyxl, lmdb, duckdb, numpy, pillow, matplotlib
# shows: files of many formats written beside the project, most of them from native code
# timeout: 150
# conditions: roroot lambdapw docker
# cause.test_h5py: library=h5py|- dimension=root
# cause.test_parquet: library=pyarrow|pandas|- dimension=root
# cause.test_pandas_csv: library=pandas|- dimension=root
# cause.test_excel: library=openpyxl|pandas|- dimension=root
# cause.test_lmdb: library=lmdb|- dimension=root
# cause.test_duckdb: library=duckdb|- dimension=root
# cause.test_memmap: library=numpy|- dimension=root
# cause.test_save: library=numpy|- dimension=root
# cause.test_picture: library=pillow|PIL|- dimension=root
# cause.test_plot: library=matplotlib|pillow|PIL|- dimension=root
import duckdb
import h5py
import lmdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image


def test_h5py():
    with h5py.File("data.h5", "w") as file:
        file["x"] = np.arange(3)


def test_parquet():
    pq.write_table(pa.table({"x": [1, 2]}), "data.parquet")


def test_pandas_csv():
    pd.DataFrame({"x": [1]}).to_csv("data.csv")


def test_excel():
    pd.DataFrame({"x": [1]}).to_excel("data.xlsx")


def test_lmdb():
    with lmdb.open("index", map_size=1 << 20) as env, env.begin(write=True) as txn:
        txn.put(b"a", b"b")


def test_duckdb():
    with duckdb.connect("data.duckdb") as connection:
        connection.execute("create table t(x integer)")


def test_memmap():
    np.memmap("data.bin", dtype="f8", mode="w+", shape=10)[:] = 1


def test_save():
    np.save("data.npy", np.arange(3))


def test_picture():
    Image.new("L", (4, 4)).save("dot.png")


def test_plot():
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    plt.plot([1, 2])
    plt.savefig("plot.png")
    plt.close()


def test_in_memory():
    assert duckdb.sql("select 1").fetchall() == [(1,)]
