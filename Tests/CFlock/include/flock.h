// `flock` for tests of file systems without locks: it takes the place of libc's in the test program.
#ifndef VITVIDEO_FLOCK_H
#define VITVIDEO_FLOCK_H

// From here on every lock that this thread asks for fails with that errno; 0 lets locks be.
void vv_fail_flock(int code);

#endif
