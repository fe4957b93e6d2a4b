// arc4random of glibc 2.36, for systems whose glibc has none: see older_glibc.py.
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

void arc4random_buf(void *buffer, size_t size) {
    unsigned char *next = buffer;
    while (size > 0) {
        ssize_t count = getrandom(next, size, 0);
        if (count < 0) continue;  // A signal; other failures there are none with these arguments.
        next += count;
        size -= (size_t)count;
    }
}

uint32_t arc4random(void) {
    uint32_t value;
    arc4random_buf(&value, sizeof value);
    return value;
}
