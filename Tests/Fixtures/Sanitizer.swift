import Foundation

/// The sanitizer that these tests and the program were built with.
package enum Sanitizer: Sendable {
    case address, thread

    /// Nil in an ordinary build. The runtimes lie in the executable, whose symbols tell.
    package static let active: Sanitizer? =
        if has("__asan_init") { .address } else if has("__tsan_init") { .thread } else { nil }

    /// Whether the program runs under a limit on the size of files. The thread sanitizer's own memory is a file larger
    /// than any.
    package static let bearsFileSizeLimit = active != .thread

    private static func has(_ symbol: String) -> Bool { dlsym(nil, symbol) != nil }
}
