/* Notes every change of the files below UVIDEO_TEST_ROOT in UVIDEO_TEST_LOG, in the order in which it happened, and the
 * heads of HTTP answers between them.  For LD_PRELOAD; see disk.py, which reads the log.
 *
 * A record: u32 length of what follows, u8 kind, u64 file, u64 offset, u32 length of the text, text, data.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { CREATE = 1, WRITE, TRUNCATE, RENAME, UNLINK, MKDIR, RMDIR, SYNC_BEGIN, SYNC_END, FOLDER_BEGIN, FOLDER_END, ANSWER };
#define FDS 65536
#define HEAD 1024

static pthread_mutex_t guard = PTHREAD_MUTEX_INITIALIZER;
static char *folders[FDS]; /* path of an open folder below the root */
static char files[FDS];    /* whether it is an open file below the root */
static const char *root;
static size_t root_length;
static int log_fd = -1;

#define REAL(name, ...) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("UVIDEO_TEST_LOG");
    root = getenv("UVIDEO_TEST_ROOT");
    if (!path || !root) { root = NULL; return; }
    root_length = strlen(root);
    log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (log_fd < 0) abort();
}

static int ours(const char *path) {
    return root && log_fd >= 0 && path && !strncmp(path, root, root_length) && (path[root_length] == '/' || !path[root_length]);
}

static void note(uint8_t kind, uint64_t file, uint64_t offset, const char *text, const struct iovec *data, int count) {
    char head[25];
    uint32_t text_length = text ? strlen(text) : 0, length = 21 + text_length;
    struct iovec all[IOV_MAX];
    if (count > IOV_MAX - 2) abort();
    for (int at = 0; at < count; at++) { all[at + 2] = data[at]; length += data[at].iov_len; }
    memcpy(head, &length, 4);
    head[4] = kind;
    memcpy(head + 5, &file, 8);
    memcpy(head + 13, &offset, 8);
    memcpy(head + 21, &text_length, 4);
    all[0].iov_base = head; all[0].iov_len = 25;
    all[1].iov_base = (void *)text; all[1].iov_len = text_length;
    static ssize_t (*real)(int, const struct iovec *, int);
    if (!real) real = dlsym(RTLD_NEXT, "writev");
    if (real(log_fd, all, count + 2) != (ssize_t)length + 4) abort();
}

static uint64_t number(int fd) {
    struct stat found;
    return fstat(fd, &found) ? 0 : found.st_ino;
}

static int is_file(int fd) { return fd >= 0 && fd < FDS && files[fd]; }

/* Opening and closing */

static int opened(int fd, const char *path, int flags, int existed) {
    struct stat found;
    if (fd < 0 || fd >= FDS || fstat(fd, &found)) return fd;
    if (S_ISDIR(found.st_mode)) folders[fd] = strdup(path);
    else if (S_ISREG(found.st_mode)) {
        files[fd] = 1;
        if (!existed) note(CREATE, found.st_ino, 0, path, NULL, 0);
        else if (flags & O_TRUNC) note(TRUNCATE, found.st_ino, 0, NULL, NULL, 0);
    }
    return fd;
}

#define OPEN(name, call) \
    int existed = 1, fd; \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } \
    if (!ours(path)) return call; \
    pthread_mutex_lock(&guard); \
    if (flags & O_CREAT) existed = !faccessat(AT_FDCWD, path, F_OK, 0); \
    fd = call; \
    int failure = errno; \
    opened(fd, path, flags, existed); \
    pthread_mutex_unlock(&guard); \
    errno = failure; \
    return fd;

int open(const char *path, int flags, ...) { REAL(open); OPEN(open, real(path, flags, mode)) }
int open64(const char *path, int flags, ...) { REAL(open64); OPEN(open64, real(path, flags, mode)) }
int openat(int at, const char *path, int flags, ...) { REAL(openat); OPEN(openat, real(at, path, flags, mode)) }
int openat64(int at, const char *path, int flags, ...) { REAL(openat64); OPEN(openat64, real(at, path, flags, mode)) }

int close(int fd) {
    REAL(close);
    if (fd >= 0 && fd < FDS && (files[fd] || folders[fd])) {
        pthread_mutex_lock(&guard);
        files[fd] = 0;
        free(folders[fd]);
        folders[fd] = NULL;
        pthread_mutex_unlock(&guard);
    }
    return real(fd);
}

/* Writing: what was really taken is noted, once it was.  `where` is the offset in the file. */

#define DONE(call, where, data, count) \
    pthread_mutex_lock(&guard); \
    ssize_t done = call; \
    int failure = errno; \
    if (done > 0) wrote(fd, where, data, count, done); \
    pthread_mutex_unlock(&guard); \
    errno = failure; \
    return done;

static void wrote(int fd, uint64_t offset, const struct iovec *data, int count, size_t done) {
    struct iovec taken[IOV_MAX - 2];
    int used = 0;
    for (int at = 0; at < count && done; at++) {
        taken[used] = data[at];
        if (taken[used].iov_len > done) taken[used].iov_len = done;
        done -= taken[used++].iov_len;
    }
    note(WRITE, number(fd), offset, NULL, taken, used);
}

static uint64_t place(int fd) {
    int flags = fcntl(fd, F_GETFL);
    return lseek(fd, 0, flags & O_APPEND ? SEEK_END : SEEK_CUR);
}

static void answer(int fd, const void *data, size_t length) {
    if (!root || length < 9 || memcmp(data, "HTTP/1.1 ", 9)) return;
    struct iovec head = {(void *)data, length < HEAD ? length : HEAD};
    pthread_mutex_lock(&guard);
    note(ANSWER, fd, 0, NULL, &head, 1);
    pthread_mutex_unlock(&guard);
}

ssize_t write(int fd, const void *data, size_t length) {
    REAL(write);
    if (!is_file(fd)) { answer(fd, data, length); return real(fd, data, length); }
    struct iovec one = {(void *)data, length};
    uint64_t where = place(fd);
    DONE(real(fd, data, length), where, &one, 1)
}
ssize_t writev(int fd, const struct iovec *data, int count) {
    REAL(writev);
    if (!is_file(fd)) { if (count) answer(fd, data->iov_base, data->iov_len); return real(fd, data, count); }
    uint64_t where = place(fd);
    DONE(real(fd, data, count), where, data, count)
}
#define PWRITE(name, type) \
ssize_t name(int fd, const void *data, size_t length, type offset) { \
    REAL(name); \
    if (!is_file(fd)) return real(fd, data, length, offset); \
    struct iovec one = {(void *)data, length}; \
    DONE(real(fd, data, length, offset), offset, &one, 1) }
PWRITE(pwrite, off_t)
PWRITE(pwrite64, off64_t)
#define PWRITEV(name, type) \
ssize_t name(int fd, const struct iovec *data, int count, type offset) { \
    REAL(name); \
    if (!is_file(fd)) return real(fd, data, count, offset); \
    DONE(real(fd, data, count, offset), offset, data, count) }
PWRITEV(pwritev, off_t)
PWRITEV(pwritev64, off64_t)
#define PWRITEV2(name, type) \
ssize_t name(int fd, const struct iovec *data, int count, type offset, int flags) { \
    REAL(name); \
    if (!is_file(fd)) return real(fd, data, count, offset, flags); \
    DONE(real(fd, data, count, offset, flags), offset, data, count) }
PWRITEV2(pwritev2, off_t)
PWRITEV2(pwritev64v2, off64_t)

#define CUT(name, type) \
int name(int fd, type length) { \
    REAL(name); \
    if (!is_file(fd)) return real(fd, length); \
    pthread_mutex_lock(&guard); \
    int failed = real(fd, length), failure = errno; \
    if (!failed) note(TRUNCATE, number(fd), length, NULL, NULL, 0); \
    pthread_mutex_unlock(&guard); \
    errno = failure; \
    return failed; }
CUT(ftruncate, off_t)
CUT(ftruncate64, off64_t)

/* What nobody here uses: better the end than a change that is not noted. */
int fallocate(int fd, int mode, off_t offset, off_t length) { REAL(fallocate); if (is_file(fd)) abort(); return real(fd, mode, offset, length); }
int posix_fallocate(int fd, off_t offset, off_t length) { REAL(posix_fallocate); if (is_file(fd)) abort(); return real(fd, offset, length); }
int link(const char *from, const char *to) { REAL(link); if (ours(to)) abort(); return real(from, to); }
int truncate(const char *path, off_t length) { REAL(truncate); if (ours(path)) abort(); return real(path, length); }

/* Names */

#define NAMES(call, kind, path, file, more) \
    pthread_mutex_lock(&guard); \
    int failed = call, failure = errno; \
    struct iovec other = {(void *)more, strlen(more)}; \
    if (!failed) note(kind, file, 0, path, &other, 1); \
    pthread_mutex_unlock(&guard); \
    errno = failure; \
    return failed;

int rename(const char *from, const char *to) {
    REAL(rename);
    if (!ours(from) && !ours(to)) return real(from, to);
    NAMES(real(from, to), RENAME, from, 0, to)
}
int unlink(const char *path) { REAL(unlink); if (!ours(path)) return real(path); NAMES(real(path), UNLINK, path, 0, "") }
int rmdir(const char *path) { REAL(rmdir); if (!ours(path)) return real(path); NAMES(real(path), RMDIR, path, 0, "") }
int mkdir(const char *path, mode_t mode) { REAL(mkdir); if (!ours(path)) return real(path, mode); NAMES(real(path, mode), MKDIR, path, 0, "") }

/* Syncs: what was written before the begin is durable at the end. */

#define SYNC(name) \
int name(int fd) { \
    REAL(name); \
    char folder[PATH_MAX] = ""; \
    pthread_mutex_lock(&guard); \
    int file = is_file(fd); \
    uint64_t id = file ? number(fd) : 0; \
    if (fd >= 0 && fd < FDS && folders[fd]) strncpy(folder, folders[fd], PATH_MAX - 1); \
    static uint64_t turns; \
    uint64_t turn = ++turns; \
    if (file || *folder) note(file ? SYNC_BEGIN : FOLDER_BEGIN, id, turn, folder, NULL, 0); \
    pthread_mutex_unlock(&guard); \
    int failed = real(fd), failure = errno; \
    if (!failed && (file || *folder)) { \
        pthread_mutex_lock(&guard); \
        note(file ? SYNC_END : FOLDER_END, id, turn, folder, NULL, 0); \
        pthread_mutex_unlock(&guard); \
    } \
    errno = failure; \
    return failed; }
SYNC(fsync)
SYNC(fdatasync)

/* Answers */

ssize_t send(int fd, const void *data, size_t length, int flags) {
    REAL(send);
    answer(fd, data, length);
    return real(fd, data, length, flags);
}
ssize_t sendmsg(int fd, const struct msghdr *message, int flags) {
    REAL(sendmsg);
    if (message->msg_iovlen) answer(fd, message->msg_iov->iov_base, message->msg_iov->iov_len);
    return real(fd, message, flags);
}
