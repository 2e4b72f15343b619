/* A disk that fails on demand: changes below UVIDEO_TEST_ROOT fail with the error number in the first four bytes of the
 * file UVIDEO_TEST_FAILURE, if the kind's bit is set in the next four.  For LD_PRELOAD; see test_disk.py.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { MAKE = 1, WRITE = 2, SYNC = 4, NAME = 8 };
#define FDS 65536
#define REAL(name) static __typeof__(&name) real; if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

static volatile uint32_t *told; /* number, kinds, how often it failed */
static const char *root;
static char files[FDS];

__attribute__((constructor)) static void begin(void) {
    const char *path = getenv("UVIDEO_TEST_FAILURE");
    root = getenv("UVIDEO_TEST_ROOT");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0) abort();
    told = mmap(NULL, 12, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
}

static int ours(const char *path) { return root && path && !strncmp(path, root, strlen(root)); }
static int is_file(int fd) { return fd >= 0 && fd < FDS && files[fd]; }
static int fails(uint32_t kind) {
    if (!told || !told[0] || !(told[1] & kind)) return 0;
    __sync_fetch_and_add(told + 2, 1);
    errno = (int)told[0];
    return 1;
}

#define OPEN(call) \
    mode_t mode = 0; \
    if (flags & (O_CREAT | O_TMPFILE)) { va_list more; va_start(more, flags); mode = va_arg(more, mode_t); va_end(more); } \
    if (ours(path) && (flags & O_CREAT) && access(path, F_OK) && fails(MAKE)) return -1; \
    int fd = call; \
    if (fd >= 0 && fd < FDS) files[fd] = ours(path); \
    return fd;
int open(const char *path, int flags, ...) { REAL(open); OPEN(real(path, flags, mode)) }
int open64(const char *path, int flags, ...) { REAL(open64); OPEN(real(path, flags, mode)) }
int openat(int at, const char *path, int flags, ...) { REAL(openat); OPEN(real(at, path, flags, mode)) }
int openat64(int at, const char *path, int flags, ...) { REAL(openat64); OPEN(real(at, path, flags, mode)) }
int close(int fd) { REAL(close); if (fd >= 0 && fd < FDS) files[fd] = 0; return real(fd); }

#define TRY(kind, call) if (is_file(fd) && fails(kind)) return -1; return call;
ssize_t write(int fd, const void *data, size_t length) { REAL(write); TRY(WRITE, real(fd, data, length)) }
ssize_t pwrite(int fd, const void *data, size_t length, off_t at) { REAL(pwrite); TRY(WRITE, real(fd, data, length, at)) }
ssize_t pwrite64(int fd, const void *data, size_t length, off64_t at) { REAL(pwrite64); TRY(WRITE, real(fd, data, length, at)) }
ssize_t pwritev(int fd, const struct iovec *data, int count, off_t at) { REAL(pwritev); TRY(WRITE, real(fd, data, count, at)) }
ssize_t pwritev64(int fd, const struct iovec *data, int count, off64_t at) { REAL(pwritev64); TRY(WRITE, real(fd, data, count, at)) }
ssize_t pwritev2(int fd, const struct iovec *data, int count, off_t at, int flags) { REAL(pwritev2); TRY(WRITE, real(fd, data, count, at, flags)) }
ssize_t pwritev64v2(int fd, const struct iovec *data, int count, off64_t at, int flags) { REAL(pwritev64v2); TRY(WRITE, real(fd, data, count, at, flags)) }
int ftruncate(int fd, off_t length) { REAL(ftruncate); TRY(WRITE, real(fd, length)) }
int ftruncate64(int fd, off64_t length) { REAL(ftruncate64); TRY(WRITE, real(fd, length)) }
int fsync(int fd) { REAL(fsync); TRY(SYNC, real(fd)) }
int fdatasync(int fd) { REAL(fdatasync); TRY(SYNC, real(fd)) }
int rename(const char *from, const char *to) { REAL(rename); if (ours(to) && fails(NAME)) return -1; return real(from, to); }
