/// A named thread that can be joined. Long-running stages run on these.
package final class StageThread: Sendable {
    private let done = Monitor(false)

    /// Starts at once.
    package init(name: String, _ body: @escaping @Sendable () -> Void) {
        // FFmpeg's codecs and filters expect much.
        SystemThread.start(name: name, stackBytes: 8 << 20) { [done] in
            body()
            done.change { $0 = true }
        }
    }

    /// Waits for the body to return.
    package func join() { done.wait { $0 ? true : nil } }
}
