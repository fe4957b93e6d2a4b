import Foundation

/// A program started by a test, its standard output and standard error on pipes and `/dev/null` on its input.
///
/// Used by one thread. A program that is still running when the value goes, or when its time is over, is killed.
final class Program {
    /// What became of it.
    struct Outcome {
        /// The exit code; for a program ended by a signal 128 and the signal's number, as shells say it.
        let status: Int32
        let output: String
        let errors: String

        var errorLines: [String] {
            errors.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
        }
    }

    struct TimedOut: Error, CustomStringConvertible {
        let command: String
        let errors: String
        var description: String { "'\(command)' ran out of time; it had said: \(errors)" }
    }

    struct CannotStart: Error, CustomStringConvertible {
        let command: String
        let code: Int32
        var description: String { "cannot start '\(command)': \(String(cString: strerror(code)))" }
    }

    /// Held while a program is started: between `pipe` and `fcntl` another would inherit the pipe's ends, and
    /// the first one's end would not be noticed until the other's.
    private static let starting = NSLock()

    private let command: String
    private let process: pid_t
    private let deadline: ContinuousClock.Instant
    private var isReaped = false
    /// Read ends, standard output first; -1 once at their end.
    private var pipes: [Int32]
    private var texts = [Data(), Data()]
    /// How much of each has been given out line by line.
    private var givenBytes = [0, 0]

    /// - Parameters:
    ///   - executable: a path, or a name that is looked up in `PATH`.
    ///   - environment: changes to the tests' own; nil removes a variable.
    ///   - directory: where it starts.
    init(
        _ executable: String, _ arguments: [String], environment: [String: String?] = [:],
        directory: String = ".", timeLimitSeconds: Int = 400
    ) throws {
        command = ([executable] + arguments).joined(separator: " ")
        deadline = .now + .seconds(timeLimitSeconds)

        Self.starting.lock()
        defer { Self.starting.unlock() }
        var ends: [[Int32]] = []
        for _ in 0..<2 {
            var pair: [Int32] = [-1, -1]
            guard pipe(&pair) == 0 else { throw CannotStart(command: command, code: errno) }
            for end in pair { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            ends.append(pair)
        }
        defer { for pair in ends { close(pair[1]) } }
        pipes = ends.map { $0[0] }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[0][1], STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, ends[1][1], STDERR_FILENO)

        // Tests run on threads that block signals, which a new process would inherit.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var all = sigset_t()
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var variables = ProcessInfo.processInfo.environment
        for (name, value) in environment { variables[name] = value }
        // `env` changes the directory and becomes the program, which so has the same process identifier.
        let words = (["env", "-C", directory, executable] + arguments).map { strdup($0) } + [nil]
        let settings = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in words + settings { free(text) } }
        var started: pid_t = 0
        let code = posix_spawn(&started, "/usr/bin/env", &actions, &attributes, words, settings)
        process = started
        guard code == 0 else {
            isReaped = true
            throw CannotStart(command: command, code: code)
        }
    }

    deinit {
        if !isReaped {
            kill(process, SIGKILL)
            waitpid(process, nil, 0)
        }
        for pipe in pipes where pipe >= 0 { close(pipe) }
    }

    /// Starts a program and waits for its end.
    static func run(
        _ executable: String, _ arguments: [String], environment: [String: String?] = [:],
        directory: String = "."
    ) throws -> Outcome {
        try Program(executable, arguments, environment: environment, directory: directory).wait()
    }

    func send(_ signal: Int32) { kill(process, signal) }

    /// The next whole line on standard error, without its end; nil once that is closed.
    func nextErrorLine() throws -> String? { try nextLine(of: 1) }

    /// The next whole line on standard output, likewise.
    func nextOutputLine() throws -> String? { try nextLine(of: 0) }

    private func nextLine(of pipe: Int) throws -> String? {
        while true {
            let rest = texts[pipe].dropFirst(givenBytes[pipe])
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                givenBytes[pipe] = end + 1
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            guard pipes[pipe] >= 0 else { return nil }
            try readOnce()
        }
    }

    /// Lets go of standard error: what the program writes there from now on fails.
    func closeErrors() {
        close(pipes[1])
        pipes[1] = -1
    }

    /// Waits for the program's end.
    func wait() throws -> Outcome {
        while pipes.contains(where: { $0 >= 0 }) { try readOnce() }
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        isReaped = true
        let signal = status & 0x7f
        return Outcome(
            status: signal == 0 ? (status >> 8) & 0xff : 128 + signal,
            output: String(decoding: texts[0], as: UTF8.self),
            errors: String(decoding: texts[1], as: UTF8.self))
    }

    /// Waits for something on either pipe and takes it in.
    private func readOnce() throws {
        let left = max(0, (deadline - .now) / .milliseconds(1))
        var waiting = pipes.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        let count = poll(&waiting, nfds_t(waiting.count), Int32(left))
        if count < 0, errno == EINTR { return }
        guard count > 0 else {
            kill(process, SIGKILL)
            throw TimedOut(command: command, errors: String(decoding: texts[1], as: UTF8.self))
        }
        for index in waiting.indices where waiting[index].revents != 0 {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            let got = read(pipes[index], &buffer, buffer.count)
            if got < 0, errno == EINTR { continue }
            if got > 0 {
                texts[index].append(contentsOf: buffer[..<got])
            } else {
                close(pipes[index])
                pipes[index] = -1
            }
        }
    }
}
