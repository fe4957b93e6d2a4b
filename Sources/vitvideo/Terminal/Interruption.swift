import Base
import Glibc
import Pipeline

/// Turns signals into a calm stop: the first asks what is under way to finish what it has, a second ends the process
/// after removing its temporary files. While nothing is under way, signals do what they do by themselves. Those that
/// were ignored when the program began stay ignored: `nohup`, and a script's background jobs, mean it so.
enum Interruption {
    private static let handler = Mutex<(@Sendable () -> Void)?>(nil)

    /// Has one thread take SIGINT, SIGTERM and SIGHUP; to be called before the program makes others.
    static func listen() {
        var signals = SignalSet()
        for number in [SIGINT, SIGTERM, SIGHUP] where !isIgnored(number) {
            signals.insert(number)
            // Libraries may have made threads as they were loaded; those hand on what they are given.
            signal(number) { number in
                SignalSet(number).block()
                kill(getpid(), number)
            }
        }
        guard !signals.isEmpty else { return }
        signals.block()
        _ = StageThread(name: "signals") { [signals] in
            while let number = signals.next() {
                if let handle = handler.withLock({ $0 }) {
                    handle()
                } else {
                    signal(number, SIG_DFL)
                    SignalSet(number).unblock()
                    raise(number)
                }
            }
        }
    }

    private static func isIgnored(_ number: Int32) -> Bool {
        var action = sigaction()
        return sigaction(number, nil, &action) == 0
            && unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self)
                == unsafeBitCast(SIG_IGN, to: Int.self)
    }

    /// From here on signals stop what is under way, to the end of the process unless `end` is called: a job that is
    /// done has nothing left to lose, and its exit code is to say so.
    ///
    /// - Parameters:
    ///   - stop: told at the first signal.
    ///   - notice: what is said then.
    ///   - abort: called at the second, before the process ends with status 130.
    ///   - stopping: called at the first, after `stop` is told.
    static func begin(
        stop: StopRequest, notice: String, abort: @escaping @Sendable () -> Void = {},
        stopping: @escaping @Sendable () -> Void = {}
    ) {
        let handle = { @Sendable in
            if stop.request() {
                // Below the bar and the terminal's ^C, where there may be some.
                StandardError.line(
                    (StandardError.canRedraw ? "\n" : "") + "vitvideo: \(notice); interrupt again to abort")
                stopping()
            } else {
                abort()
                _exit(VitvideoError.Kind.interrupted.rawValue)
            }
        }
        handler.withLock { $0 = handle }
    }

    /// Signals do what they do by themselves again.
    static func end() { handler.withLock { $0 = nil } }
}

private struct SignalSet {
    private var set = sigset_t()

    init() { sigemptyset(&set) }

    init(_ number: Int32) {
        self.init()
        insert(number)
    }

    private(set) var isEmpty = true

    mutating func insert(_ number: Int32) {
        sigaddset(&set, number)
        isEmpty = false
    }

    /// In this thread, and in those it makes from here on.
    func block() { change(SIG_BLOCK) }

    func unblock() { change(SIG_UNBLOCK) }

    private func change(_ how: Int32) {
        _ = withUnsafePointer(to: set) { pthread_sigmask(how, $0, nil) }
    }

    /// Waits for one that is blocked in every thread.
    func next() -> Int32? {
        var number: Int32 = 0
        return withUnsafePointer(to: set) { sigwait($0, &number) } == 0 ? number : nil
    }
}
