/// Why a file could not be downloaded: one line with the address, the reason and, where there is one, the next
/// step.
package struct DownloadError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What went wrong, coarse enough to choose an exit code by.
    package enum Kind: Sendable, Equatable {
        /// The server cannot be reached, has no such file, or breaks off again and again (sysexits 69).
        case unavailable
        /// The address or a redirect leads where downloads are not allowed to go (69).
        case refused
        /// What arrived is not what was expected (65).
        case wrongContent
        /// The file cannot be created at its place (73).
        case cannotCreate
        /// Writing failed in the middle, on a full disk say (74).
        case inputOutput
        /// The caller asked to stop (130).
        case cancelled
    }

    package let kind: Kind
    package let url: String
    package let reason: String
    /// What the user can do about it, where that is known.
    package let nextStep: String?

    package init(_ kind: Kind, url: String, reason: String, nextStep: String? = nil) {
        self.kind = kind
        self.url = url
        self.reason = reason
        self.nextStep = nextStep
    }

    package var description: String {
        "cannot download \(printable(url)): \(printable(reason))" + (nextStep.map { "; " + $0 } ?? "")
    }
}

/// Text from a server made fit for one line on a terminal.
private func printable(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars.prefix(1000) {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned:
            result += scalar.escaped(asASCII: true)
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result
}
