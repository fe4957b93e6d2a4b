// What Linux offers beyond Swift's Glibc module.
#ifndef VITVIDEO_CLINUX_SHIM_H
#define VITVIDEO_CLINUX_SHIM_H

#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// renameat2 is a GNU extension; flag 1 is RENAME_NOREPLACE.
static inline int vv_rename_without_replacing(const char *from, const char *to) {
    return (int)syscall(SYS_renameat2, -100, from, -100, to, 1);
}

// prctl is variadic. Of the name 15 bytes count.
static inline void vv_name_this_thread(const char *name) { prctl(PR_SET_NAME, name, 0, 0, 0); }

#endif
