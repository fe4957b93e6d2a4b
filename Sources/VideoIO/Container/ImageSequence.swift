import Base

/// A run of numbered pictures named by a printf-like pattern, `frames/f%03d.png`.
struct ImageSequence: Sendable, Equatable {
    let pattern: String
    let firstNumber: Int
    let count: Int
    private let name: NumberedName
    private(set) var warnings: [MediaWarning] = []

    /// - Returns: `nil` where the text holds no `%d` or `%0Nd`.
    /// - Throws: `VitvideoError` of kind `noInput` where no file matches.
    init?(pattern: String) throws {
        guard let name = NumberedName(pattern: pattern) else { return nil }
        let numbers = name.existingNumbers()
        guard let first = numbers.first else {
            throw VitvideoError(
                .noInput, cannot: "read", path: pattern, reason: "no file matches this pattern")
        }
        self.pattern = pattern
        self.name = name
        var last = first
        for number in numbers.dropFirst() where number == last + 1 { last = number }
        firstNumber = first
        count = last - first + 1
        if let beyond = numbers.last, beyond > last {
            warnings.append(
                MediaWarning(
                    .damage,
                    "\(pattern): number \(last + 1) is missing, so the sequence ends there although it goes on to \(beyond)"
                ))
        }
    }

    /// The file at a place, counted from 0.
    func path(_ index: Int) -> String { name.path(firstNumber + index) }
}
