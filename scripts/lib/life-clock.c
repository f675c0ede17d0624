/* The calendar of a machine whose clock is ahead: what libc answers for CLOCK_REALTIME, and SEED_CLOCK_AHEAD seconds
 * more. Monotonic clocks, and so every timeout, are left alone. Preloaded into one process; nothing is compiled into
 * the programs that are shown. */
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static time_t ahead(void) {
    const char *text = getenv("SEED_CLOCK_AHEAD");
    return text == NULL ? 0 : (time_t)strtoll(text, NULL, 10);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    int failed = (int)syscall(SYS_clock_gettime, clock, now);
    if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += ahead();
    return failed;
}

time_t time(time_t *where) {
    struct timespec now;
    if (clock_gettime(CLOCK_REALTIME, &now) != 0) return (time_t)-1;
    if (where != NULL) *where = now.tv_sec;
    return now.tv_sec;
}
