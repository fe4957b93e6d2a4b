// What Linux offers beyond Swift's Glibc module.
#ifndef VITVIDEO_CLINUX_SHIM_H
#define VITVIDEO_CLINUX_SHIM_H

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

// renameat2 is a GNU extension; flag 1 is RENAME_NOREPLACE.
static inline int vv_rename_without_replacing(const char *from, const char *to) {
    return (int)syscall(SYS_renameat2, -100, from, -100, to, 1);
}

// pipe2 is a GNU extension.
static inline int vv_pipe_closed_on_exec(int ends[2]) { return (int)syscall(SYS_pipe2, ends, O_CLOEXEC); }

// A variable of C's that Swift takes for unsafe.
extern char **environ;
static inline char **vv_environment(void) { return environ; }

#endif
