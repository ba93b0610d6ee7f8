/* Preloaded into a process, this moves the wall clock that it sees, and no other clock.
 *
 *     cc -shared -fPIC -O2 -o wallclock.so wallclock.c
 *     WALL_OFFSET_FILE=offset LD_PRELOAD=./wallclock.so python ...
 *
 * The file holds one native 64-bit integer: by how many nanoseconds the wall clock is off. It is
 * mapped, so that whoever writes to it sets the clock of the running process.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL

static const int64_t no_offset = 0;
static const volatile int64_t *offset = &no_offset;

__attribute__((constructor)) static void map_offset(void)
{
    const char *path = getenv("WALL_OFFSET_FILE");
    int file = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    if (file < 0)
        return;
    void *mapped = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED)
        offset = mapped;
    close(file);
}

int clock_gettime(clockid_t clock, struct timespec *shown)
{
    int result = (int)syscall(SYS_clock_gettime, clock, shown);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t now = shown->tv_sec * SECOND + shown->tv_nsec + *offset;
        int64_t seconds = now / SECOND - (now % SECOND < 0);
        shown->tv_sec = seconds;
        shown->tv_nsec = now - seconds * SECOND;
    }
    return result;
}

int gettimeofday(struct timeval *restrict shown, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0)
        return -1;
    shown->tv_sec = now.tv_sec;
    shown->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *shown)
{
    struct timespec now = {0, 0};
    clock_gettime(CLOCK_REALTIME, &now);
    if (shown)
        *shown = now.tv_sec;
    return now.tv_sec;
}
