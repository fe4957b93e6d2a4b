import Base
import Foundation
import Pipeline

/// Turns signals into a calm stop: the first asks what is under way to finish what it has, a second ends the process
/// after removing its temporary files. While nothing is under way, signals do what they do by themselves.
enum Interruption {
    private static let handler = Mutex<(@Sendable () -> Void)?>(nil)

    /// Has one thread take SIGINT, SIGTERM and SIGHUP; to be called before the program makes others.
    static func listen() {
        var signals = SignalSet()
        var ignored: Set<Int32> = []
        for number in [SIGINT, SIGTERM, SIGHUP] {
            signals.insert(number)
            // Libraries may have made threads as they were loaded; those hand on what they are given.
            let before = signal(number) { number in
                SignalSet(number).block()
                kill(getpid(), number)
            }
            if unsafeBitCast(before, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self) {
                ignored.insert(number)
            }
        }
        signals.block()
        _ = StageThread(name: "signals") { [signals, ignored] in
            while let number = signals.next() {
                if let handle = handler.withLock({ $0 }) {
                    handle()
                } else if !ignored.contains(number) {
                    signal(number, SIG_DFL)
                    SignalSet(number).unblock()
                    raise(number)
                }
            }
        }
    }

    /// From here on signals stop what is under way, to the end of the process unless `end` is called: a job that is
    /// done has nothing left to lose, and its exit code is to say so.
    ///
    /// - Parameters:
    ///   - stop: told at the first signal.
    ///   - notice: what is said then.
    ///   - abort: called at the second, before the process ends with status 130.
    static func begin(stop: StopRequest, notice: String, abort: @escaping @Sendable () -> Void = {}) {
        let handle = { @Sendable in
            if stop.request() {
                // Below the bar and the terminal's ^C, where there may be some.
                StandardError.line(
                    (StandardError.isTerminal ? "\n" : "") + "vitvideo: \(notice); interrupt again to abort")
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

    mutating func insert(_ number: Int32) { sigaddset(&set, number) }

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
