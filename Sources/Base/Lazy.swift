/// A value that is made when first asked for and kept from then on, by any thread.
package final class Lazy<Value: Sendable>: Sendable {
    private let make: @Sendable () throws -> Value
    private let value = Mutex<Value?>(nil)

    package init(make: @escaping @Sendable () throws -> Value) { self.make = make }

    /// Other threads wait while it is being made.
    ///
    /// - Throws: what making it throws; the next call tries again.
    package func callAsFunction() throws -> Value {
        try value.withLock { value in
            if let value { return value }
            let made = try make()
            value = made
            return made
        }
    }
}
