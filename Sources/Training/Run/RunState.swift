import Base
import Checkpoints
import Files
import ViT

/// Everything that a run goes on from: parameters, moments, history and what the run was told, in one safetensors file.
///
/// | tensor | values |
/// |---|---|
/// | `parameters`, `moments.first`, `moments.second` | `ParameterLayout.count` each |
/// | `best` | the parameters of the best epoch, where they are kept |
/// | `history.steps` | steps × (loss, learning rate, gradient norm) |
/// | `history.looks` | looks × values |
///
/// The metadata hold shape, settings, precision, the data's identity, and the epochs' sums.
struct RunState {
    let parameters: [Float]
    let first: [Float]
    let second: [Float]
    let best: [Float]?
    let history: TrainingHistory

    /// What a run must have in common with the one that it goes on with.
    struct Identity: Equatable {
        let shape: String
        let settings: String
        let precision: String
        let data: String
        let batches: Int

        /// What differs, in words; nil for nothing.
        func difference(from other: Identity) -> String? {
            if shape != other.shape { return "another model" }
            if settings != other.settings { return "other settings of training" }
            if precision != other.precision { return "products in \(precision)" }
            if data != other.data || batches != other.batches {
                return "other pictures, or pictures prepared otherwise"
            }
            return nil
        }
    }

    private static let formatKey = "training_state"
    private static let format = "1"

    // MARK: Writing

    /// - Throws: `VitvideoError` where the file cannot be written; what was there stays then.
    func write(to path: String, _ identity: Identity) throws {
        func flat(_ values: [Float]) -> (shape: [Int], values: [Float]) { ([values.count], values) }
        var tensors = [
            ("parameters", flat(parameters)), ("moments.first", flat(first)),
            ("moments.second", flat(second)),
        ].map { (name: $0.0, shape: $0.1.shape, values: $0.1.values) }
        if let best { tensors.append(("best", [best.count], best)) }
        tensors.append(
            (
                "history.steps", [history.steps.count, 3],
                history.steps.flatMap { [$0.loss, $0.learningRate, $0.gradientNorm] }
            ))
        tensors.append(
            (
                "history.looks", [history.looks.count, history.looks.first?.values.count ?? 0],
                history.looks.flatMap(\.values)
            ))
        let epochs = history.epochs.map {
            JSONValue.object([
                .init("training", $0.training.json), .init("validation", $0.validation?.json ?? .null),
            ])
        }
        try Safetensors.write(
            tensors,
            metadata: [
                Self.formatKey: Self.format, "shape": identity.shape, "settings": identity.settings,
                "precision": identity.precision, "data": identity.data, "batches": String(identity.batches),
                "looks": JSONValue.array(history.looks.map { .integer($0.steps) }).json,
                "epochs": JSONValue.array(epochs).json, "epoch": history.current.json.json,
            ], to: path)
    }

    // MARK: Reading

    /// - Parameters:
    ///   - layout: of the run that goes on.
    ///   - identity: of the run that goes on.
    /// - Throws: `VitvideoError` where the file cannot be read, is none of a run, or is of another run.
    init(contentsOf path: String, _ layout: ParameterLayout, _ identity: Identity) throws {
        let file = try Checkpoint.open(path)
        let text = file.metadata
        self = try locating("resume", path) {
            guard text[Self.formatKey] == Self.format, let shape = text["shape"],
                let settings = text["settings"], let precision = text["precision"], let data = text["data"],
                let batches = text["batches"].flatMap({ Int($0) })
            else {
                throw VitvideoError.badData(
                    "it holds no state of a training run", nextStep: "give the file that a run has left")
            }
            let written = Identity(
                shape: shape, settings: settings, precision: precision, data: data, batches: batches)
            if let difference = written.difference(from: identity) {
                throw VitvideoError(
                    .usage, reason: "its run has \(difference)",
                    nextStep: .advice("give the options that the run was started with"))
            }
            func values(_ name: String) throws -> [Float] {
                let values = try file.floats(name)
                guard values.count == layout.count else {
                    throw VitvideoError.badData("\(name) has \(values.count) values, not \(layout.count)")
                }
                return values
            }
            return RunState(
                parameters: try values("parameters"), first: try values("moments.first"),
                second: try values("moments.second"), best: file["best"] == nil ? nil : try values("best"),
                history: try Self.history(of: file))
        }
    }

    init(
        parameters: [Float], first: [Float], second: [Float], best: [Float]?, history: TrainingHistory
    ) {
        self.parameters = parameters
        self.first = first
        self.second = second
        self.best = best
        self.history = history
    }

    private static func history(of file: Checkpoint) throws -> TrainingHistory {
        func json(_ name: String) throws -> JSONValue {
            try JSONValue(Array((file.metadata[name] ?? "").utf8))
        }
        var history = TrainingHistory()
        let steps = try file.floats("history.steps")
        guard steps.count % 3 == 0 else { throw VitvideoError.badData("its history is cut short") }
        history.steps = stride(from: 0, to: steps.count, by: 3).map {
            .init(loss: steps[$0], learningRate: steps[$0 + 1], gradientNorm: steps[$0 + 2])
        }
        let looks = (try json("looks").array ?? []).compactMap(\.integer)
        let values = try file.floats("history.looks")
        guard looks.isEmpty ? values.isEmpty : values.count % looks.count == 0 else {
            throw VitvideoError.badData("its history is cut short")
        }
        let width = values.count / max(looks.count, 1)
        history.looks = looks.enumerated().map { index, steps in
            .init(steps: steps, values: Array(values[index * width..<(index + 1) * width]))
        }
        history.epochs = try (try json("epochs").array ?? []).map { epoch in
            TrainingHistory.Epoch(
                training: try Measures(json: epoch["training"]),
                validation: try epoch["validation"].map { try Measures(json: $0) })
        }
        history.current = try Measures(json: try json("epoch"))
        return history
    }
}

extension Measures {
    fileprivate var json: JSONValue {
        // Of text, since a sum that is not finite would be lost.
        .object([
            .init("pictures", .integer(pictures)), .init("loss", .string("\(loss)")),
            .init("top1", .integer(top1)), .init("top5", .integer(top5)),
        ])
    }

    fileprivate init(json: JSONValue?) throws {
        guard let pictures = json?["pictures"]?.integer, let top1 = json?["top1"]?.integer,
            let loss = (json?["loss"]?.string).flatMap({ Double($0) }), let top5 = json?["top5"]?.integer
        else { throw VitvideoError.badData("its history lacks an epoch's sums") }
        self.init()
        (self.pictures, self.loss, self.top1, self.top5) = (pictures, loss, top1, top5)
    }
}
