/// Work that is given up half done.
///
/// Who starts long work says within which call it may be given up; the work asks between its parts, on the
/// thread of that call or on those that help it:
///
///     try Cancellation.$isWanted.withValue({ stop.isOverdue }) { try pass.run(input, request) }
package enum Cancellation {
    /// What the work throws then.
    package struct Cancelled: Error {
        package init() {}
    }

    /// Whether the work of this thread is to be given up.
    @TaskLocal package static var isWanted: @Sendable () -> Bool = { false }

    /// - Throws: `Cancelled` where the work is to be given up.
    package static func check() throws { if isWanted() { throw Cancelled() } }
}
