#define _GNU_SOURCE
#include "flock.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

static _Thread_local int failure;

void vv_fail_flock(int code) { failure = code; }

int flock(int descriptor, int operation) {
    if (failure == 0) return (int)syscall(SYS_flock, descriptor, operation);
    errno = failure;
    return -1;
}
