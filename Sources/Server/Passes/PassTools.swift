/// What a worker has for itself: scratch memory of each model. Used by the worker's thread alone.
final class PassTools {
    let threads: Int
    private var recorders: [String: RecordFrame] = [:]

    /// - Parameter threads: that share a pass.
    init(threads: Int) { self.threads = threads }

    /// - Throws: as `ServedModel.makeRecorder`.
    func recorder(of model: any ServedModel) throws -> RecordFrame {
        if let recorder = recorders[model.name] { return recorder }
        let recorder = try model.makeRecorder(threads: threads)
        recorders[model.name] = recorder
        return recorder
    }
}
