import Glibc

/// Work that is given up half done.
///
/// Who starts long work says within which call it may be given up; the work asks between its parts, on the
/// thread of that call or on those that help it:
///
///     try Cancellation.asking({ stop.isOverdue }) { try pass.run(input, request) }
package enum Cancellation {
    /// What the work throws then.
    package struct Cancelled: Error {
        package init() {}
    }

    private final class Question {
        let isWanted: @Sendable () -> Bool

        init(_ isWanted: @escaping @Sendable () -> Bool) { self.isWanted = isWanted }
    }

    /// Under this key each thread has its `Question`. A task-local value would do, but in optimized builds of Swift
    /// 6.3 setting one in a synchronous call crashes.
    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        precondition(pthread_key_create(&key, nil) == 0, "there are keys for more than this one")
        return key
    }()

    /// Calls `body`, whose work on this thread asks `isWanted` whether it is to be given up.
    package static func asking<Result>(
        _ isWanted: @escaping @Sendable () -> Bool, _ body: () throws -> Result
    ) rethrows -> Result {
        let question = Question(isWanted)
        let outer = pthread_getspecific(key)
        pthread_setspecific(key, Unmanaged.passUnretained(question).toOpaque())
        defer { pthread_setspecific(key, outer) }
        return try withExtendedLifetime(question) { try body() }
    }

    /// Whether the work of this thread is to be given up: for those who help it on other threads.
    package static var isWanted: @Sendable () -> Bool {
        guard let question = pthread_getspecific(key) else { return { false } }
        return Unmanaged<Question>.fromOpaque(question).takeUnretainedValue().isWanted
    }

    /// - Throws: `Cancelled` where the work is to be given up.
    package static func check() throws { if isWanted() { throw Cancelled() } }
}
