import Base

/// Work that may never end: a decoder can hang in a damaged file, and nothing stops a thread from outside.
enum TimeLimit {
    /// What is thrown when the time is over. The thread goes on by itself, and what it finds is dropped.
    struct Exceeded: Error {}

    /// Does the work on a thread of its own.
    ///
    /// - Throws: `Exceeded`, and what the work throws.
    static func run<Value: Sendable>(
        seconds: Double, name: String, _ work: @escaping @Sendable () throws -> Value
    ) throws -> Value {
        let outcome = Monitor<Result<Value, any Error>?>(nil)
        _ = StageThread(name: name) {
            let result = Result { try work() }
            outcome.change { $0 = result }
        }
        guard let result = outcome.wait(atMost: seconds, until: { $0 }) else { throw Exceeded() }
        return try result.get()
    }
}
