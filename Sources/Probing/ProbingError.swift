/// Why a probing method cannot be carried out as asked.
package struct ProbingError: Error, Sendable, Equatable, CustomStringConvertible {
    package enum Kind: Sendable, Equatable {
        /// Options that exclude each other or lie outside their range.
        case usage
        /// More memory than there is.
        case memory
    }

    package let kind: Kind
    package let description: String

    static func usage(_ description: String) -> ProbingError {
        ProbingError(kind: .usage, description: description)
    }
}
