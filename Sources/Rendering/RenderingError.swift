/// What can go wrong between attention maps and a picture.
package struct RenderingError: Error, Equatable, CustomStringConvertible {
    /// What the caller can do about it, from which the exit code follows.
    package enum Kind: Sendable, Equatable {
        /// A wrong option (exit code 64).
        case invalidOption
        /// Cairo could not draw, for want of memory in the main (exit code 70).
        case drawingFailed
    }

    package let kind: Kind
    /// One line: what was being done, the reason, and the next step where there is one.
    package let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
