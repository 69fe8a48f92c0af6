# case: nat_file_calls
# packages: stdlib
# shows: everything that changes a file system but open: links, names, modes, times, sockets, pipes
# prepare: printf x > old.txt; mkdir olddir; ln -s old.txt oldlink
# conditions: roroot openshift lambdapw
# cause.test_symlink: library=- dimension=root
# cause.test_hard_link: library=- dimension=root
# cause.test_rename: library=- dimension=root
# cause.test_replace_from_tmp: library=- dimension=root
# cause.test_remove: library=- dimension=root
# cause.test_rmtree: library=- dimension=root
# cause.test_chmod: library=- dimension=root|uid
# cause.test_utime: library=- dimension=root|uid
# cause.test_truncate: library=- dimension=root
# cause.test_fifo: library=- dimension=root
# cause.test_unix_socket: library=-|asyncio dimension=root
# cause.test_append: library=- dimension=root
# cause.test_chown: library=- dimension=root|uid|capabilities
# cause.test_access: library=- dimension=root|uid
# cause.test_lock_file: library=- dimension=root
import asyncio
import fcntl
import os
import pathlib
import shutil
import stat


def test_symlink():
    os.symlink("old.txt", "link")


def test_hard_link():
    os.link("old.txt", "hard")


def test_rename():
    os.rename("olddir", "newdir")
    os.rename("newdir", "olddir")


def test_replace_from_tmp(tmp_path):
    """Written elsewhere and then moved, as careful programs do."""
    draft = tmp_path / "draft"
    draft.write_text("x")
    shutil.move(draft, "final.txt")


def test_remove():
    shutil.copy("old.txt", "/tmp/envtest-copy")
    os.remove("old.txt")
    shutil.move("/tmp/envtest-copy", "old.txt")


def test_rmtree():
    shutil.rmtree("olddir")
    os.mkdir("olddir")


def test_chmod():
    os.chmod("old.txt", stat.S_IRUSR | stat.S_IWUSR | stat.S_IRGRP | stat.S_IROTH | stat.S_IWOTH)


def test_utime():
    os.utime("old.txt", (1, 1))


def test_truncate():
    os.truncate("old.txt", 1)


def test_fifo():
    os.mkfifo("pipe")


def test_unix_socket():
    async def go():
        server = await asyncio.start_unix_server(lambda reader, writer: None, "app.sock")
        server.close()

    asyncio.run(go())


def test_append():
    with pathlib.Path("old.txt").open("a") as file:
        file.write("")


def test_chown():
    os.chown("old.txt", 0, 0)


def test_access():
    assert os.access("old.txt", os.W_OK) and os.access(".", os.W_OK)


def test_lock_file():
    with open("app.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_read():
    assert pathlib.Path("old.txt").read_text() is not None
