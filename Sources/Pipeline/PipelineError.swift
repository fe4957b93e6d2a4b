/// What can go wrong between the command line and the modules it joins.
package struct PipelineError: Error, Equatable, CustomStringConvertible {
    /// What the caller can do about it, from which the exit code follows.
    package enum Kind: Sendable, Equatable {
        /// A wrong option (64).
        case usage
        /// An input that does not hold what was asked for (65).
        case badData
        /// An output, or what is kept for it, cannot be created (73).
        case cannotCreate
        /// Writing failed half-way (74).
        case inputOutput
    }

    package let kind: Kind
    /// One line: what was being done, the reason, and the next step where there is one.
    package let description: String

    package init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
