import Foundation

/// A value that is made when first asked for and kept from then on.
///
/// Safe to share: `value` is only touched under `lock`.
final class Kept<Value: Sendable>: @unchecked Sendable {
    private let lock = NSLock()
    private let make: @Sendable () throws -> Value
    private var value: Value?

    init(make: @escaping @Sendable () throws -> Value) { self.make = make }

    /// - Throws: what making it throws; the next call tries again.
    func callAsFunction() throws -> Value {
        try lock.withLock {
            if let value { return value }
            let made = try make()
            value = made
            return made
        }
    }
}
