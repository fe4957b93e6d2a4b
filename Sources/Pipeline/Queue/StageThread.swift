import Base
import Foundation

/// A named thread that can be joined. Long-running stages run on these, never on Swift's cooperative pool,
/// which expects work that does not block.
package final class StageThread: Sendable {
    private let done = Monitor(false)

    /// Starts at once.
    package init(name: String, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread { [done] in
            body()
            done.change { $0 = true }
        }
        thread.name = name
        // FFmpeg's codecs and filters expect more than the half megabyte of a secondary thread.
        thread.stackSize = 8 << 20
        thread.start()
    }

    /// Waits for the body to return.
    package func join() { done.wait { $0 ? true : nil } }
}
