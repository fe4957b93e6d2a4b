import Base

extension VitvideoError {
    /// What a parser throws that sees bytes and knows no path: `locating` adds what was being done to which
    /// file.
    ///
    /// - Parameter advice: what the user can do about it, where that is known.
    package static func badData(_ reason: String, nextStep advice: String? = nil) -> VitvideoError {
        VitvideoError(.badData, reason: reason, nextStep: advice.map(NextStep.advice))
    }

    /// For a file of more bytes than any of its kind has.
    package static func longerThan(_ limit: Int) -> VitvideoError {
        .badData("it is longer than \(limit) bytes, which no such file is")
    }
}
