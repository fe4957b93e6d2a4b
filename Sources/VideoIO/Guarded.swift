import Foundation

/// A value that threads share, behind a lock.
///
/// Not `Synchronization.Mutex`: what that does where threads meet lies in a library that the thread sanitizer does not
/// see into, so that it takes every such use for a race.
///
/// Safe to share: `value` is only touched while `lock` is held.
final class Guarded<Value>: @unchecked Sendable {
    private let lock = NSLock()
    private var value: Value

    init(_ value: Value) { self.value = value }

    func withLock<Result>(_ body: (inout Value) throws -> Result) rethrows -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&value)
    }
}
