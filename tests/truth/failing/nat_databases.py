# case: nat_databases
# packages: sqlalchemy, peewee
# shows: databases in a file beside the project: their errors tell no errno
# prepare: python -c "import sqlite3; c = sqlite3.connect('wal.db'); c.execute('pragma journal_mode=wal'); c.execute('create table t(x)'); c.commit(); c.close()"
# conditions: roroot lambdapw docker
# cause.test_sqlalchemy: library=sqlalchemy|sqlite3|- dimension=root
# cause.test_peewee: library=peewee|sqlite3|- dimension=root
# cause.test_wrapped: library=sqlalchemy|sqlite3|- dimension=root
# cause.test_uri: library=-|sqlite3 dimension=root
# cause.test_insert_wal: library=-|sqlite3 dimension=root
# cause.test_dbm: library=-|dbm dimension=root
# cause.test_backup: library=-|sqlite3 dimension=root
# cause.test_attach: library=-|sqlite3 dimension=root
# cause.test_read_wal: library=-|sqlite3 dimension=root
import dbm.dumb
import sqlite3

import peewee
import sqlalchemy as sa


def test_sqlalchemy():
    engine = sa.create_engine("sqlite:///orders.db")
    metadata = sa.MetaData()
    sa.Table("orders", metadata, sa.Column("id", sa.Integer, primary_key=True))
    metadata.create_all(engine)


def test_peewee():
    database = peewee.SqliteDatabase("people.db")

    class Person(peewee.Model):
        name = peewee.TextField()

        class Meta:
            pass

    Person._meta.set_database(database)
    database.connect()
    database.create_tables([Person])
    database.close()


def test_wrapped():
    engine = sa.create_engine("sqlite:///sessions.db")
    try:
        with engine.begin() as connection:
            connection.execute(sa.text("create table s(x)"))
    except sa.exc.SQLAlchemyError as error:
        raise ConnectionError("the session store is down") from error


def test_uri():
    connection = sqlite3.connect("file:uri.db?mode=rwc", uri=True)
    connection.execute("create table t(x)")
    connection.close()


def test_insert_wal():
    connection = sqlite3.connect("wal.db")
    connection.execute("insert into t values (1)")
    connection.commit()
    connection.close()


def test_read_wal():
    connection = sqlite3.connect("wal.db")
    assert connection.execute("select count(*) from t").fetchone()
    connection.close()


def test_dbm():
    with dbm.dumb.open("counts", "c") as counts:
        counts["a"] = "1"


def test_backup():
    source = sqlite3.connect(":memory:")
    source.execute("create table t(x)")
    target = sqlite3.connect("backup.db")
    source.backup(target)


def test_attach():
    connection = sqlite3.connect(":memory:")
    connection.execute("attach 'other.db' as other")
    connection.execute("create table other.t(x)")


def test_memory():
    assert sa.create_engine("sqlite://").connect().execute(sa.text("select 1")).scalar() == 1
