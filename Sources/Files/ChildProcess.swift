import Base
import CLinux
import Glibc

/// A program that runs beside this one, in a process group of its own. It reads and writes nothing here but, where that is
/// wanted, its standard error.
///
/// One thread reads and waits; `send` comes from any.
package final class ChildProcess: Sendable {
    private let process: pid_t
    /// -1 where nothing is read.
    private let errors: Int32
    /// Once it has been waited for nothing is sent any more: the number may be another's.
    private let hasEnded = Mutex(false)

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - path: of the program.
    ///   - arguments: without its name.
    ///   - readsErrors: whether its standard error comes here, or nowhere.
    /// - Throws: `SystemError`.
    package init(_ path: String, _ arguments: [String], readsErrors: Bool) throws(SystemError) {
        var ends: [Int32] = [-1, -1]
        if readsErrors, vv_pipe_closed_on_exec(&ends) != 0 { throw SystemError() }
        defer { if ends[1] >= 0 { close(ends[1]) } }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        if readsErrors {
            posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        }

        // What this program blocks and ignores is its own affair.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        let words = ([path] + arguments).map { $0.withPath { strdup($0) } } + [nil]
        defer { for word in words { free(word) } }
        var started: pid_t = 0
        guard let program = words[0] else { throw SystemError(code: ENOMEM) }
        let code = posix_spawn(&started, program, &actions, &attributes, words, vv_environment())
        guard code == 0 else {
            if ends[0] >= 0 { close(ends[0]) }
            throw SystemError(code: code)
        }
        (process, errors) = (started, ends[0])
    }

    deinit { if errors >= 0 { close(errors) } }

    /// What it has written to standard error since; waits for something.
    ///
    /// - Returns: nothing at the end.
    package func readErrors() -> [UInt8] {
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(errors, &piece, piece.count)
            if count < 0, errno == EINTR { continue }
            return Array(piece.prefix(max(count, 0)))
        }
    }

    /// Waits for its end.
    ///
    /// - Returns: its exit status; of one ended by a signal 128 and the signal's number.
    package func wait() -> Int32 {
        var status: Int32 = 0
        // First without taking it away, so that its number stays its own until nothing is sent any more.
        var info = siginfo_t()
        while waitid(P_PID, id_t(process), &info, WEXITED | WNOWAIT) != 0, errno == EINTR {}
        hasEnded.withLock { $0 = true }
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7f
        return signal == 0 ? (status >> 8) & 0xff : 128 + signal
    }

    /// Sends a signal, unless it has ended.
    package func send(_ signal: Int32) {
        hasEnded.withLock { if !$0 { kill(process, signal) } }
    }
}
