/// A value that threads share, behind a lock.
///
/// `Synchronization.Mutex` would do, but the thread sanitizer does not see its lock and reports every use as a race.
///
/// Safe to share: `value` is only touched while `lock` is held.
package final class Mutex<Value>: @unchecked Sendable {
    private let lock = Condition()
    private var value: Value

    package init(_ value: Value) { self.value = value }

    package func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
