import Base
import Checkpoints
import Files

extension TrainedShape {
    /// All numbers of the shape, as a trained model's file and the state of a run hold them.
    package var json: JSONValue {
        .object([
            .init("side", .integer(side)), .init("patch_size", .integer(patchSize)),
            .init("width", .integer(width)), .init("depth", .integer(depth)),
            .init("heads", .integer(heads)), .init("head_width", .integer(headWidth)),
            .init("mlp_width", .integer(feedForwardWidth)), .init("classes", .integer(classes)),
            .init("tokenization", .string(tokenization.rawValue)),
            .init("positions", .string(positions.rawValue)),
            .init("attention", .string(attention.rawValue)), .init("reading", .string(reading.name)),
            .init("head_hidden", .array(headHidden.map { .integer($0) })),
            .init("class_token", .bool(hasClassToken)), .init("registers", .integer(registers)),
            .init("class_token_has_position", .bool(positionsCoverClassToken)),
            .init("gelu_after_fc2", .bool(activatesOutput)), .init("layer_scale", .bool(hasLayerScale)),
            .init("layer_norm_epsilon", .number(Double(layerNormEpsilon))),
        ])
    }

    /// - Throws: `VitvideoError` of kind `badData` for what is missing or no shape.
    package init(json: JSONValue) throws {
        func missing(_ name: String) -> VitvideoError { .badData("its shape has no \(quoted(name))") }
        func integer(_ name: String) throws -> Int {
            guard let value = json[name]?.integer else { throw missing(name) }
            return value
        }
        func flag(_ name: String) throws -> Bool {
            guard let value = json[name]?.bool else { throw missing(name) }
            return value
        }
        func choice<Choice: RawRepresentable<String>>(_ name: String) throws -> Choice {
            guard let value = json[name]?.string.flatMap(Choice.init(rawValue:)) else { throw missing(name) }
            return value
        }
        self.init(
            side: try integer("side"), patchSize: try integer("patch_size"), width: try integer("width"),
            depth: try integer("depth"), heads: try integer("heads"), headWidth: try integer("head_width"),
            feedForwardWidth: try integer("mlp_width"), classes: try integer("classes"))
        tokenization = try choice("tokenization")
        positions = try choice("positions")
        attention = try choice("attention")
        let hidden = json["head_hidden"]?.array?.compactMap(\.integer) ?? []
        guard let reading = Reading(name: json["reading"]?.string ?? "", hidden: hidden) else {
            throw missing("reading")
        }
        self.reading = reading
        hasClassToken = try flag("class_token")
        registers = try integer("registers")
        positionsCoverClassToken = try flag("class_token_has_position")
        activatesOutput = try flag("gelu_after_fc2")
        hasLayerScale = try flag("layer_scale")
        guard let epsilon = json["layer_norm_epsilon"]?.number else { throw missing("layer_norm_epsilon") }
        layerNormEpsilon = Float(epsilon)
        do {
            self = try checked()
        } catch let error as VitvideoError {
            throw VitvideoError.badData(error.reason)
        }
    }
}

extension TrainedShape {
    /// What the metadata of a model's file call its family where it is not plain; `shape` has its numbers then.
    package static let family = "vit_small_ds"

    /// The shape that a model's file tells.
    ///
    /// - Throws: `VitvideoError` of kind `badData` where it tells none.
    package init(of checkpoint: Checkpoint) throws {
        try self.init(json: JSONValue(Array((checkpoint.metadata["shape"] ?? "").utf8)))
    }
}

extension TrainedShape.Reading {
    /// As files name it.
    package var name: String {
        switch self {
        case .classToken: "class_token"
        case .meanPatch: "mean_patch"
        case .flattened: "flattened"
        }
    }

    /// - Parameter hidden: of the flattened tokens' layers.
    package init?(name: String, hidden: [Int]) {
        switch name {
        case "class_token": self = .classToken
        case "mean_patch": self = .meanPatch
        case "flattened": self = .flattened(hidden: hidden)
        default: return nil
        }
    }
}
