/// Why there is no report.
package struct ReportError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What the caller can do about it, from which the exit code follows.
    package enum Kind: Sendable, Equatable {
        /// No picture could be read (65).
        case badData
        /// There is nothing of that name, or no picture in it (66).
        case noInput
        /// The report's directory cannot be made (73).
        case cannotCreate
        /// Writing failed half-way (74).
        case inputOutput
    }

    package let kind: Kind
    /// One line: what was being done, the reason, and the next step where there is one.
    package let description: String

    init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}
