/* System calls that could reach the host, one a run: attempts NAME FOLDER SCRATCH PID
 *
 * FOLDER holds the sentinels that the test made (file, other, empty/); SCRATCH is the environment's own
 * and may be written; PID is a process of the host. Ends with 0 if the call succeeded, otherwise with its errno.
 * Where a call succeeds that should not, something is written, so that the test sees it in the sentinel too.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/io_uring.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Not <sys/mount.h>: it clashes with <linux/mount.h> before glibc 2.37. */
extern int mount(const char *, const char *, const char *, unsigned long, const void *);
extern int umount2(const char *, int);
#define REMOUNT (32 | 4096) /* MS_REMOUNT | MS_BIND: never the superblock, which is the whole machine's */
#define DETACH 2

static const char *folder, *scratch;
static pid_t host;
static char file[4096], new_file[4096], inner[4096], empty[4096], below[4096];

/* -- Opening to write ---------------------------------------------------------------------------------------------- */

static int written(int descriptor) {
    if (descriptor < 0)
        return -1;
    return write(descriptor, "reached\n", 8) == 8 ? 0 : -1;
}

static int open_create(void) { return written(open(new_file, O_CREAT | O_WRONLY, 0644)); }
static int open_write(void) { return written(open(file, O_WRONLY)); }
static int open_truncate(void) { return written(open(file, O_WRONLY | O_TRUNC)); }
static int open_truncate_read_only(void) { return open(file, O_RDONLY | O_TRUNC) < 0 ? -1 : 0; }
static int open_append(void) { return written(open(file, O_WRONLY | O_APPEND)); }
static int open_both(void) { return written(open(file, O_RDWR)); }
static int open_unnamed(void) { return written(open(folder, O_TMPFILE | O_WRONLY, 0644)); }
static int creat_new(void) { return written(creat(new_file, 0644)); }

static int open_by_openat2(void) {
    struct open_how how = {.flags = O_CREAT | O_WRONLY, .mode = 0644};
    return written(syscall(SYS_openat2, AT_FDCWD, new_file, &how, sizeof how));
}

static int open_below_a_descriptor(void) {
    int held = open(folder, O_PATH | O_DIRECTORY);
    return held < 0 ? -1 : written(openat(held, "new", O_CREAT | O_WRONLY, 0644));
}

static int reopen_through_proc(void) {
    char path[64];
    int held = open(file, O_RDONLY);
    if (held < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", held);
    return written(open(path, O_WRONLY));
}

static int truncate_through_proc(void) {
    char path[64];
    int held = open(file, O_RDONLY);
    if (held < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", held);
    return truncate(path, 0);
}

static int open_through_init(void) {
    char path[8192];
    snprintf(path, sizeof path, "/proc/1/root%s", file);
    return written(open(path, O_WRONLY));
}

static int open_by_handle(void) {
    char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
    struct file_handle *handle = (struct file_handle *)space;
    int mount_id, held = open(folder, O_RDONLY | O_DIRECTORY);
    handle->handle_bytes = MAX_HANDLE_SZ;
    if (held < 0 || name_to_handle_at(AT_FDCWD, file, handle, &mount_id, 0))
        return -1;
    return written(open_by_handle_at(held, handle, O_WRONLY));
}

static int open_by_io_uring(void) {
    struct io_uring_params set = {0};
    int ring = syscall(SYS_io_uring_setup, 2, &set);
    if (ring < 0)
        return -1;
    size_t size = set.sq_off.array + set.sq_entries * sizeof(unsigned);
    size_t answers = set.cq_off.cqes + set.cq_entries * sizeof(struct io_uring_cqe);
    char *queue = mmap(0, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    char *done = mmap(0, answers, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    struct io_uring_sqe *entries =
        mmap(0, set.sq_entries * sizeof *entries, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
    if (queue == MAP_FAILED || done == MAP_FAILED || entries == MAP_FAILED)
        return -1;
    memset(entries, 0, sizeof *entries);
    entries->opcode = IORING_OP_OPENAT;
    entries->fd = AT_FDCWD;
    entries->addr = (uintptr_t)new_file;
    entries->open_flags = O_CREAT | O_WRONLY;
    entries->len = 0644;
    ((unsigned *)(queue + set.sq_off.array))[0] = 0;
    __atomic_store_n((unsigned *)(queue + set.sq_off.tail), 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0)
        return -1;
    struct io_uring_cqe *answer = (struct io_uring_cqe *)(done + set.cq_off.cqes);
    if (answer->res < 0) {
        errno = -answer->res;
        return -1;
    }
    return written(answer->res);
}

/* -- Writing through a descriptor that is open to read ------------------------------------------------------------- */

static int target(void) { return open(file, O_RDONLY); }

static int source(void) {
    int made = memfd_create("source", 0);
    return made < 0 || pwrite(made, "reached\n", 8, 0) != 8 ? -1 : made;
}

static int ftruncate_read_only(void) { return ftruncate(target(), 0); }
static int fallocate_read_only(void) { return fallocate(target(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096); }
static int sendfile_to_read_only(void) { return sendfile(target(), source(), &(off_t){0}, 8) < 0 ? -1 : 0; }
static int write_read_only(void) { return written(target()); }

static int copy_file_range_to_read_only(void) {
    return copy_file_range(source(), &(off64_t){0}, target(), &(off64_t){0}, 8, 0) < 0 ? -1 : 0;
}

static int splice_to_read_only(void) {
    int ends[2];
    if (pipe(ends) || write(ends[1], "reached\n", 8) != 8)
        return -1;
    return splice(ends[0], 0, target(), &(off64_t){0}, 8, 0) < 0 ? -1 : 0;
}

static int clone_to_read_only(void) { return ioctl(target(), FICLONE, source()); }

static int flags_of_read_only(void) {
    int flags = 0, held = target();
    if (ioctl(held, FS_IOC_GETFLAGS, &flags))
        return -1;
    flags |= FS_NOATIME_FL;
    return ioctl(held, FS_IOC_SETFLAGS, &flags);
}

static int mapped(int protection) {
    char *memory = mmap(0, 8, protection, MAP_SHARED, target(), 0);
    if (memory == MAP_FAILED)
        return -1;
    if (!(protection & PROT_WRITE) && mprotect(memory, 8, PROT_READ | PROT_WRITE))
        return -1;
    memcpy(memory, "reached\n", 8);
    return msync(memory, 8, MS_SYNC);
}

static int mmap_shared(void) { return mapped(PROT_READ | PROT_WRITE); }
static int mprotect_shared(void) { return mapped(PROT_READ); }

/* The kernel gives the process a page of its own (this is what "Dirty COW" once broke). */
static int own_memory_over_private_mapping(void) {
    char *memory = mmap(0, 8, PROT_READ, MAP_PRIVATE, target(), 0);
    int self = open("/proc/self/mem", O_RDWR);
    return self < 0 || pwrite(self, "reached\n", 8, (uintptr_t)memory) != 8 ? -1 : 0;
}

/* -- Names --------------------------------------------------------------------------------------------------------- */

static int make_scratch(void) {
    int made = open(below, O_CREAT | O_WRONLY, 0644);
    return made < 0 ? -1 : close(made);
}

static int mkdir_new(void) { return mkdir(new_file, 0755); }
static int mknod_fifo(void) { return mknod(new_file, S_IFIFO | 0644, 0); }
static int mknod_file(void) { return mknod(new_file, S_IFREG | 0644, 0); }
static int link_new(void) { return link(file, new_file); }
static int link_out(void) { return link(file, below); }
static int link_open_file(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/fd/%d", target());
    return linkat(AT_FDCWD, path, AT_FDCWD, new_file, AT_SYMLINK_FOLLOW);
}
static int symlink_new(void) { return symlink("file", new_file); }
static int rename_within(void) { return rename(file, new_file); }
static int rename_out(void) { return rename(file, below); }
static int rename_in(void) { return make_scratch() ? -1 : rename(below, new_file); }
static int rename_over(void) { return make_scratch() ? -1 : rename(below, file); }
static int rename_exchange(void) { return syscall(SYS_renameat2, AT_FDCWD, file, AT_FDCWD, inner, RENAME_EXCHANGE); }
static int unlink_file(void) { return unlink(file); }
static int rmdir_empty(void) { return rmdir(empty); }

static int bind_unix(void) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, "new", sizeof address.sun_path - 1); /* relative: a path has at most 107 characters */
    if (chdir(folder))
        return -1;
    return bind(socket(AF_UNIX, SOCK_STREAM, 0), (struct sockaddr *)&address, sizeof address);
}

/* -- What a file is ------------------------------------------------------------------------------------------------ */

static int truncate_file(void) { return truncate(file, 0); }
static int chmod_file(void) { return chmod(file, 0600); }
static int fchmod_file(void) { return fchmod(target(), 0600); }
static int fchmodat2_file(void) { return syscall(452, AT_FDCWD, file, 0600, 0); }
static int chown_file(void) { return chown(file, getuid(), getgid()); }
static int fchown_file(void) { return fchown(target(), getuid(), getgid()); }
static int lchown_link(void) { return lchown(file, getuid(), getgid()); }
static int utimensat_file(void) { return utimensat(AT_FDCWD, file, (struct timespec[2]){{1, 0}, {1, 0}}, 0); }
static int futimens_file(void) { return futimens(target(), (struct timespec[2]){{1, 0}, {1, 0}}); }
static int setxattr_file(void) { return setxattr(file, "user.reached", "yes", 3, 0); }
static int fsetxattr_file(void) { return fsetxattr(target(), "user.reached", "yes", 3, 0); }
static int removexattr_file(void) { return removexattr(file, "user.sentinel"); }

/* -- Mounts -------------------------------------------------------------------------------------------------------- */

static int remount_writable(void) { return mount("none", folder, 0, REMOUNT, 0); }
static int remount_root_writable(void) { return mount("none", "/", 0, REMOUNT, 0); }
static int mount_tmpfs(void) { return mount("tmpfs", scratch, "tmpfs", 0, 0); }
static int bind_folder(void) { return mount(folder, scratch, 0, 4096, 0); }
static int umount_folder(void) { return umount2(folder, DETACH); }
static int pivot_root_here(void) { return syscall(SYS_pivot_root, scratch, scratch); }
static int chroot_scratch(void) { return chroot(scratch); }
static int fsopen_tmpfs(void) { return syscall(SYS_fsopen, "tmpfs", 0) < 0 ? -1 : 0; }
static int open_tree_clone(void) { return syscall(SYS_open_tree, AT_FDCWD, folder, OPEN_TREE_CLONE) < 0 ? -1 : 0; }

static int clear_read_only(const char *path) {
    struct mount_attr attributes = {.attr_clr = MOUNT_ATTR_RDONLY};
    return syscall(SYS_mount_setattr, AT_FDCWD, path, 0, &attributes, sizeof attributes);
}

static int mount_setattr_writable(void) { return clear_read_only("/"); }
static int unshare_mounts(void) { return unshare(CLONE_NEWNS); }

/* Fails on a read-only /proc, and ids without a map are still all-powerful inside: what follows is tried all the same. */
static void put(const char *path, const char *text) {
    int held = open(path, O_WRONLY);
    if (held < 0 || write(held, text, strlen(text)) < 0 || close(held))
        errno = 0;
}

/* All capabilities in a user namespace of its own: what an unprivileged program can always try. */
static int own_namespaces(int flags) {
    char map[64];
    int uid = getuid(), gid = getgid();
    if (unshare(CLONE_NEWUSER | flags))
        return -1;
    put("/proc/self/setgroups", "deny");
    snprintf(map, sizeof map, "0 %d 1", uid);
    put("/proc/self/uid_map", map);
    snprintf(map, sizeof map, "0 %d 1", gid);
    put("/proc/self/gid_map", map);
    return 0;
}

static int own_namespace_then_write(void) { return own_namespaces(CLONE_NEWNS) ? -1 : open_create(); }

static int own_namespace_then_remount(void) {
    return own_namespaces(CLONE_NEWNS) || remount_root_writable() ? -1 : open_create();
}

static int own_namespace_then_remount_project(void) {
    return own_namespaces(CLONE_NEWNS) || remount_writable() ? -1 : open_create();
}

static int own_namespace_then_mount_setattr(void) {
    return own_namespaces(CLONE_NEWNS) || clear_read_only("/") ? -1 : open_create();
}

static int own_namespace_then_umount_tmp(void) { return own_namespaces(CLONE_NEWNS) ? -1 : umount2("/tmp", DETACH); }

/* A bind without MS_REC would show what lies below the covers. */
static int own_namespace_then_look_below_covers(void) {
    return own_namespaces(CLONE_NEWNS) ? -1 : mount("/", scratch, 0, 4096, 0);
}

static int own_namespace_then_bind_and_write(void) {
    if (own_namespaces(CLONE_NEWNS) || mount(folder, scratch, 0, 4096 | 16384, 0))
        return -1;
    mount("none", scratch, 0, REMOUNT, 0);
    return written(open(below, O_CREAT | O_WRONLY, 0644));
}

static int own_namespace_then_device(void) {
    return own_namespaces(CLONE_NEWNS) ? -1 : mknod(below, S_IFBLK | 0600, 0);
}

static int own_namespace_then_chroot_out(void) {
    int held = open("/", O_RDONLY | O_DIRECTORY);
    if (own_namespaces(CLONE_NEWNS) || chroot(scratch) || fchdir(held) || chdir("../../../..") || chroot("."))
        return -1;
    return open_create();
}

static int own_namespace_then_handle(void) { return own_namespaces(CLONE_NEWNS) ? -1 : open_by_handle(); }

/* -- Processes and the kernel -------------------------------------------------------------------------------------- */

static int enter(const char *path, int kind) {
    int held = open(path, O_RDONLY);
    return held < 0 ? -1 : setns(held, kind);
}

static int setns_mounts(void) { return enter("/proc/1/ns/mnt", CLONE_NEWNS); }
static int setns_user(void) { return enter("/proc/1/ns/user", CLONE_NEWUSER); }
static int setns_network(void) { return enter("/proc/1/ns/net", CLONE_NEWNET); }
static int setns_processes(void) { return enter("/proc/1/ns/pid_for_children", CLONE_NEWPID); }
static int setns_by_pidfd(void) { return setns(syscall(SYS_pidfd_open, 1, 0), CLONE_NEWNS); }
static int own_namespace_then_setns(void) { return own_namespaces(CLONE_NEWNS) ? -1 : setns_mounts(); }
static int ptrace_init(void) { return ptrace(PTRACE_SEIZE, 1, 0, 0); }
static int take_descriptor_of_init(void) { return syscall(438, syscall(SYS_pidfd_open, 1, 0), 0, 0) < 0 ? -1 : 0; }

static int write_memory_of_init(void) {
    char byte = 0;
    struct iovec here = {&byte, 1}, there = {(void *)4096, 1};
    return process_vm_writev(1, &here, 1, &there, 1, 0) < 0 ? -1 : 0;
}

static int kill_host(void) { return kill(host, 0); }
static int pidfd_of_host(void) { return syscall(SYS_pidfd_open, host, 0) < 0 ? -1 : 0; }
static int priority_of_host(void) { errno = 0; return getpriority(PRIO_PROCESS, host) == -1 && errno ? -1 : 0; }
static int limits_of_host(void) { struct rlimit had; return prlimit(host, RLIMIT_NOFILE, 0, &had); }
static int ptrace_host(void) { return ptrace(PTRACE_SEIZE, host, 0, 0); }
static int host_name(void) { return sethostname("reached", 7); }
static int load_module(void) { return syscall(SYS_init_module, "", 0, ""); }
static int swap_on(void) { return syscall(SYS_swapon, new_file, 0); }
static int account(void) { return syscall(SYS_acct, new_file); }
static int block_device(void) { return mknod(below, S_IFBLK | 0600, 0); }
static int character_device(void) { return mknod(below, S_IFCHR | 0600, makedev(1, 3)); }

/* The key of the host's segment is the host's process id; see the test. */
static int host_shared_memory(void) { return shmget(host, 0, 0) < 0 ? -1 : 0; }

/* Prints the number of the session keyring: whoever has the host's can add keys to it. */
static int session_keyring(void) {
    long number = syscall(SYS_keyctl, 0, -3, 0);
    return number < 0 || printf("%ld\n", number) < 0 ? -1 : 0;
}

/* Prints the effective user id: for a copy with the set-user-id bit. */
static int print_user(void) { return printf("%d\n", geteuid()) < 0 ? -1 : 0; }

#define CALL(name) {#name, name}
static const struct {
    const char *name;
    int (*call)(void);
} calls[] = {
    CALL(open_create), CALL(open_write), CALL(open_truncate), CALL(open_truncate_read_only), CALL(open_append),
    CALL(open_both), CALL(open_unnamed), CALL(creat_new), CALL(open_by_openat2), CALL(open_below_a_descriptor),
    CALL(reopen_through_proc), CALL(truncate_through_proc), CALL(open_through_init), CALL(open_by_handle),
    CALL(open_by_io_uring), CALL(ftruncate_read_only), CALL(fallocate_read_only), CALL(sendfile_to_read_only),
    CALL(write_read_only), CALL(copy_file_range_to_read_only), CALL(splice_to_read_only), CALL(clone_to_read_only),
    CALL(flags_of_read_only), CALL(mmap_shared), CALL(mprotect_shared), CALL(own_memory_over_private_mapping),
    CALL(mkdir_new), CALL(mknod_fifo), CALL(mknod_file), CALL(link_new), CALL(link_out), CALL(link_open_file),
    CALL(symlink_new), CALL(rename_within), CALL(rename_out), CALL(rename_in), CALL(rename_over),
    CALL(rename_exchange), CALL(unlink_file), CALL(rmdir_empty), CALL(bind_unix), CALL(truncate_file),
    CALL(chmod_file), CALL(fchmod_file), CALL(fchmodat2_file), CALL(chown_file), CALL(fchown_file),
    CALL(lchown_link), CALL(utimensat_file), CALL(futimens_file), CALL(setxattr_file), CALL(fsetxattr_file),
    CALL(removexattr_file), CALL(remount_writable), CALL(remount_root_writable), CALL(mount_tmpfs),
    CALL(bind_folder), CALL(umount_folder), CALL(pivot_root_here), CALL(chroot_scratch), CALL(fsopen_tmpfs),
    CALL(open_tree_clone), CALL(mount_setattr_writable), CALL(unshare_mounts), CALL(own_namespace_then_write),
    CALL(own_namespace_then_remount), CALL(own_namespace_then_remount_project),
    CALL(own_namespace_then_mount_setattr), CALL(own_namespace_then_umount_tmp),
    CALL(own_namespace_then_look_below_covers), CALL(own_namespace_then_bind_and_write),
    CALL(own_namespace_then_device), CALL(own_namespace_then_chroot_out), CALL(own_namespace_then_handle),
    CALL(setns_mounts), CALL(setns_user), CALL(setns_network), CALL(setns_processes), CALL(setns_by_pidfd),
    CALL(own_namespace_then_setns), CALL(ptrace_init), CALL(take_descriptor_of_init), CALL(write_memory_of_init),
    CALL(kill_host), CALL(pidfd_of_host), CALL(priority_of_host), CALL(limits_of_host), CALL(ptrace_host),
    CALL(host_name), CALL(load_module), CALL(swap_on), CALL(account), CALL(block_device), CALL(character_device),
    CALL(host_shared_memory), CALL(session_keyring), CALL(print_user),
};

static void join(char *made, const char *start, const char *rest) { snprintf(made, 4096, "%s/%s", start, rest); }

int main(int count, char **words) {
    if (count != 5)
        return 255;
    folder = words[2];
    scratch = words[3];
    host = atoi(words[4]);
    join(file, folder, "file");
    join(new_file, folder, "new");
    join(inner, folder, "other");
    join(empty, folder, "empty");
    join(below, scratch, "new");
    alarm(10);
    for (unsigned number = 0; number < sizeof calls / sizeof *calls; number++)
        if (!strcmp(calls[number].name, words[1]))
            return calls[number].call() ? errno : 0;
    return 255;
}
