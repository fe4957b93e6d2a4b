import Pipeline
import ViT

/// What pictures may take of a memory budget.
struct PictureMemory: Sendable {
    let subjects: [ReportSubject]
    /// How many pictures are measured at once.
    let workers: Int
    /// For pictures and inference beside the models' weights; nil for what the machine has free, which is asked only
    /// where much is needed at once.
    let budgetBytes: Int?

    /// Takes the decoded pictures and each model's forward passes off the budget.
    ///
    /// - Parameters: size of a picture in pixels.
    /// - Returns: bytes that are left for the methods; nil without a budget.
    /// - Throws: `ProbingError` of kind `memory`, naming the resolution that would fit; `ModelError.inputTooSmall`.
    func left(besideHeight height: Int, width: Int) throws -> Int? {
        guard let budgetBytes else { return nil }
        let pictures = AnnotationJob.mostFramesUnderWay(workers: workers) * height * width * 3
        var availableBytes: Int? = max(0, budgetBytes - pictures)
        for subject in subjects {
            try subject.probed.reserveMemory(
                precision: subject.engine.precision,
                on: try subject.probed.preprocessor.layout(height: height, width: width), workers: workers,
                from: &availableBytes)
        }
        return availableBytes
    }
}
