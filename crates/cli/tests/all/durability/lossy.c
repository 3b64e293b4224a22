/* A disk that forgets: loaded before a program (LD_PRELOAD), it keeps beside a folder what a power cut would leave.
 *
 * SIZAO_LOSSY_FOLDER   the folder that is watched, with everything below it
 * SIZAO_LOSSY_SHADOW   where the durable state is kept:
 *                        files/<id>    content of a file as of its last fsync or fdatasync
 *                        folders/<id>  names in a folder as of the last fsync of that folder, lines "f <id> <name>"
 * SIZAO_LOSSY_IGNORE   when set, syncing does nothing but succeed
 * SIZAO_LOSSY_CUT_AT   the process is killed just before its sync of this number, counted from 1
 * SIZAO_LOSSY_BYTES    no file of the folder grows beyond so many bytes: ENOSPC
 *
 * Modelled, as strictly as POSIX allows: bytes survive when their file was synced, names when their folder was. Writes
 * go to the page cache alone, which a killed process leaves as it is, so that the caller can also let a part of what
 * was not synced survive. Not modelled: O_SYNC and O_DSYNC, sync(), syncfs(), msync(), links, and disks that lie.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The path of an open file, if it lies in the watched folder. */
static int watched(int fd, char *path) {
    const char *folder = getenv("SIZAO_LOSSY_FOLDER");
    if (!folder) return 0;
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length < 0) return 0;
    path[length] = 0;
    size_t prefix = strlen(folder);
    return strncmp(path, folder, prefix) == 0 && (path[prefix] == '/' || path[prefix] == 0);
}

/* Number and time of birth: a number alone is used again after a file is gone. */
static int identify(int folder, const char *name, char *id, int *is_folder) {
    struct statx stat;
    int flags = AT_SYMLINK_NOFOLLOW | (*name ? 0 : AT_EMPTY_PATH);
    if (statx(folder, name, flags, STATX_INO | STATX_TYPE | STATX_BTIME, &stat)) return -1;
    *is_folder = S_ISDIR(stat.stx_mode);
    int born = (stat.stx_mask & STATX_BTIME) != 0;
    snprintf(id, 64, "%llu-%lld-%u", (unsigned long long)stat.stx_ino, born ? (long long)stat.stx_btime.tv_sec : 0,
             born ? stat.stx_btime.tv_nsec : 0);
    return 0;
}

/* Over the old copy, in place: a cut in the middle leaves old and new bytes, as on a disk. */
static int keep_file(const char *path, const char *kept) {
    int from = open(path, O_RDONLY | O_CLOEXEC), to = open(kept, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int failed = from < 0 || to < 0 || flock(to, LOCK_EX);
    static __thread char bytes[1 << 16];
    off_t at = 0;
    while (!failed) {
        ssize_t count = pread(from, bytes, sizeof bytes, at);
        if (count < 0) failed = 1;
        if (count <= 0) break;
        failed = syscall(SYS_pwrite64, to, bytes, (size_t)count, at) != count;
        at += count;
    }
    if (!failed) failed = ftruncate(to, at);
    if (from >= 0) close(from);
    if (to >= 0) close(to);
    return failed ? -1 : 0;
}

/* Under another name first: names change all at once. */
static int keep_names(const char *path, const char *kept) {
    char part[PATH_MAX], id[64];
    if (snprintf(part, sizeof part, "%s.%d", kept, (int)getpid()) >= (int)sizeof part) return -1;
    DIR *folder = opendir(path);
    FILE *out = fopen(part, "w");
    if (!folder || !out) return -1;
    for (struct dirent *entry; (entry = readdir(folder));) {
        int is_folder;
        if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")) continue;
        if (identify(dirfd(folder), entry->d_name, id, &is_folder)) continue;
        fprintf(out, "%c %s %s\n", is_folder ? 'd' : 'f', id, entry->d_name);
    }
    closedir(folder);
    if (fclose(out)) return -1;
    return rename(part, kept);
}

static int sync_to_shadow(int fd, int number) {
    char path[PATH_MAX], own[64], kept[PATH_MAX], id[64];
    int is_folder;
    if (!watched(fd, path)) return (int)syscall(number, fd);
    if (getenv("SIZAO_LOSSY_IGNORE")) return 0;
    static atomic_int syncs;
    const char *cut_at = getenv("SIZAO_LOSSY_CUT_AT");
    if (cut_at && atomic_fetch_add(&syncs, 1) + 1 >= atoi(cut_at)) kill(getpid(), SIGKILL);
    if (identify(fd, "", id, &is_folder)) return -1;
    const char *kind = is_folder ? "folders" : "files";
    snprintf(kept, sizeof kept, "%s/%s/%s", getenv("SIZAO_LOSSY_SHADOW"), kind, id);
    snprintf(own, sizeof own, "/proc/self/fd/%d", fd);
    if (!(is_folder ? keep_names(own, kept) : keep_file(own, kept))) return 0;
    /* A test that goes on with a shadow that is wrong proves nothing. */
    perror("lossy: the shadow cannot be written");
    abort();
}

int fsync(int fd) { return sync_to_shadow(fd, SYS_fsync); }
int fdatasync(int fd) { return sync_to_shadow(fd, SYS_fdatasync); }

static int has_room(int fd, off_t end) {
    static long long limit = -1;
    char path[PATH_MAX];
    if (limit < 0) limit = getenv("SIZAO_LOSSY_BYTES") ? atoll(getenv("SIZAO_LOSSY_BYTES")) : 0;
    if (!limit || end <= limit || !watched(fd, path)) return 1;
    errno = ENOSPC;
    return 0;
}

ssize_t write(int fd, const void *bytes, size_t count) {
    off_t at = lseek(fd, 0, SEEK_CUR);
    if (at >= 0 && !has_room(fd, at + (off_t)count)) return -1;
    return syscall(SYS_write, fd, bytes, count);
}

ssize_t pwrite64(int fd, const void *bytes, size_t count, off_t at) {
    if (!has_room(fd, at + (off_t)count)) return -1;
    return syscall(SYS_pwrite64, fd, bytes, count, at);
}

ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) { return pwrite64(fd, bytes, count, at); }
