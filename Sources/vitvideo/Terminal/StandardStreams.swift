import Glibc

/// Standard input, output and error.
enum StandardStreams {
    /// Gives those that were closed (`2>&-`, some service managers) to /dev/null. Left closed, their numbers
    /// would go to the next files opened, and a message could end up in the middle of a video.
    static func ensureOpen() {
        for descriptor in STDIN_FILENO...STDERR_FILENO where fcntl(descriptor, F_GETFD) == -1 {
            // The lowest free number is given out: this one.
            _ = open("/dev/null", O_RDWR)
        }
    }
}
