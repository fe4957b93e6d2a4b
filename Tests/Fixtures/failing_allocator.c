// A library for LD_PRELOAD that makes allocations of FFmpeg's libraries fail, and nobody else's.
//
//     FAILING_ALLOCATION=120     the 120th of them fails
//     FAILING_ALLOCATION=120+    and all that follow
//     COUNTED_ALLOCATIONS=file   how many there were is written there at the end
//
// libavutil allocates with posix_memalign and realloc. Which library calls is told by the return address; encoders
// such as x264 are libraries of their own and unharmed. Where FFmpeg's own code then follows the null pointer, or its
// avcodec_alloc_context3 fails an assertion, the process ends with exit code 99: it is not the program under test
// that forgot to look.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

// The C library's own, which need no look-up that would itself allocate.
extern void *__libc_memalign(size_t alignment, size_t size);
extern void *__libc_realloc(void *block, size_t size);

static struct {
    uintptr_t start, end;
} code[16];
static int code_count;
static atomic_long calls;
static long first_failing;
static bool all_later_fail;

static int note_library(struct dl_phdr_info *library, size_t size, void *unused) {
    (void)size;
    (void)unused;
    if (!strstr(library->dlpi_name, "/libav") && !strstr(library->dlpi_name, "/libsws") &&
        !strstr(library->dlpi_name, "/libswr"))
        return 0;
    for (int i = 0; i < library->dlpi_phnum && code_count < 16; i++) {
        const ElfW(Phdr) *part = &library->dlpi_phdr[i];
        if (part->p_type != PT_LOAD || !(part->p_flags & PF_X)) continue;
        code[code_count].start = library->dlpi_addr + part->p_vaddr;
        code[code_count].end = library->dlpi_addr + part->p_vaddr + part->p_memsz;
        code_count++;
    }
    return 0;
}

static bool is_ffmpeg(uintptr_t address) {
    for (int i = 0; i < code_count; i++)
        if (address >= code[i].start && address < code[i].end) return true;
    return false;
}

static void tell_whose_fault(int signal_number, siginfo_t *information, void *state) {
    const greg_t *registers = ((ucontext_t *)state)->uc_mcontext.gregs;
    uintptr_t place = (uintptr_t)registers[REG_RIP];
    if (is_ffmpeg(place)) _exit(99);
    // FFmpeg called it: something that is no code, or the C library's copying functions. Neither keeps anything on the
    // stack above the address it returns to.
    Dl_info function;
    bool is_no_code = place == (uintptr_t)information->si_addr;
    bool is_libc = dladdr((void *)place, &function) && strstr(function.dli_fname, "/libc.so");
    if ((is_no_code || is_libc) && is_ffmpeg(*(const uintptr_t *)registers[REG_RSP])) _exit(99);
    signal(signal_number, SIG_DFL);
}

void abort(void) {
    Dl_info caller;
    if (dladdr(__builtin_return_address(0), &caller) && caller.dli_sname &&
        !strcmp(caller.dli_sname, "avcodec_alloc_context3"))
        _exit(99);
    signal(SIGABRT, SIG_DFL);
    raise(SIGABRT);
    _exit(128 + SIGABRT);
}

__attribute__((constructor)) static void begin(void) {
    struct sigaction action = {.sa_sigaction = tell_whose_fault, .sa_flags = SA_SIGINFO};
    sigaction(SIGSEGV, &action, NULL);
    const char *text = getenv("FAILING_ALLOCATION");
    if (text) {
        char *end;
        first_failing = strtol(text, &end, 10);
        all_later_fail = *end == '+';
    }
    dl_iterate_phdr(note_library, NULL);
}

__attribute__((destructor)) static void finish(void) {
    const char *path = getenv("COUNTED_ALLOCATIONS");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld", atomic_load(&calls));
    fclose(file);
}

// Whether the allocation that `caller` asks for is to fail.
static bool fails(const void *caller) {
    if (!is_ffmpeg((uintptr_t)caller)) return false;
    long call = atomic_fetch_add(&calls, 1) + 1;
    return first_failing > 0 && (call == first_failing || (all_later_fail && call > first_failing));
}

int posix_memalign(void **block, size_t alignment, size_t size) {
    if (fails(__builtin_return_address(0))) return ENOMEM;
    void *made = __libc_memalign(alignment, size);
    if (!made) return ENOMEM;
    *block = made;
    return 0;
}

void *realloc(void *block, size_t size) {
    if (fails(__builtin_return_address(0))) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(block, size);
}
