/// Collects warnings, each text once, and passes them on.
final class WarningLog {
    private(set) var warnings: [MediaWarning] = []
    private let onWarning: (@Sendable (MediaWarning) -> Void)?

    init(_ onWarning: (@Sendable (MediaWarning) -> Void)?) { self.onWarning = onWarning }

    func add(_ warning: MediaWarning) {
        guard !warnings.contains(warning) else { return }
        warnings.append(warning)
        onWarning?(warning)
    }
}
