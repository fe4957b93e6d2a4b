import Base

extension VitvideoError {
    /// A file that could not be downloaded. Text from the server is made fit for one line.
    ///
    /// - Parameter advice: what the user can do about it, where that is known.
    static func download(
        _ kind: Kind, url: String, reason: String, nextStep advice: String? = nil
    ) -> VitvideoError {
        VitvideoError(
            kind, cannot: "download", path: url, reason: oneLine(reason, limit: 1000),
            nextStep: advice.map(NextStep.advice))
    }
}
