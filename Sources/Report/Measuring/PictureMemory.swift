import Pipeline

/// What each model may take of a memory budget while a picture is measured.
struct PictureMemory: Sendable {
    let subjects: [any ReportModel]
    /// How many pictures are measured at once.
    let workers: Int
    /// For pictures and inference beside the models' weights; nil for what is left to this process, which is asked only
    /// where much is needed at once.
    let budgetBytes: Int?

    /// Shares out what decoded pictures leave of the budget. Every model has what the forward passes of those before
    /// it leave.
    ///
    /// - Parameters: size of a picture in pixels.
    /// - Returns: bytes by subject; nil without a budget.
    /// - Throws: `VitvideoError` of kind `usage` where the picture holds no whole patch.
    func shares(height: Int, width: Int) throws -> [Int?] {
        guard let budgetBytes else { return subjects.map { _ in nil } }
        let pictures = AnnotationJob.mostFramesUnderWay(workers: workers) * height * width * 3
        var available = max(0, budgetBytes - pictures)
        return try subjects.map { subject in
            let share = available
            available -= workers * (try subject.passBytes(height: height, width: width))
            available = max(0, available)
            return share
        }
    }
}
