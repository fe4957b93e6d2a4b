import Base
import Glibc

/// Standard output as a place for lines. They are there at once, and stay when the work ends early.
package final class StandardOutput: TextOutput {
    /// What messages call it.
    package static let name = "standard output"

    package init() {}

    /// - Throws: `VitvideoError` of kind `inputOutput`, also where the reader has gone.
    package func write(_ text: String) throws {
        var rest = FileName.bytes(of: text)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                throw VitvideoError.system(.inputOutput, cannot: "write", path: Self.name, wording: .text)
            }
            rest = rest.dropFirst(count)
        }
    }

    package func finish(as name: String?) {}
    package func abandon() {}
    package var temporaryPaths: [String] { [] }
}
