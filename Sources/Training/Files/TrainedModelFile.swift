import Base
import Checkpoints
import Files
import ViT

/// The file of a trained model, safetensors.
///
/// A plain model (`TrainedShape.isPlain`) has timm's names and is read as any other checkpoint; a fixed position table is
/// written as `pos_embed`. Other models have the names and formulas of `ParameterLayout`; their metadata say
/// `family: vit_small_ds` and hold all numbers of the shape as JSON under `shape` (`TrainedShape.json`).
///
/// Of both, the metadata hold `mean` and `std` of the normalization, `num_heads`, `activation` (`gelu`),
/// `layer_norm_eps`, and the names of the classes as a JSON array under `class_names`.
package enum TrainedModelFile {
    /// What the metadata of a model that is not plain call its family.
    package static let family = "vit_small_ds"

    /// Writes the parameters that an engine has.
    ///
    /// - Parameter name: what to call the model in captions; nil for the file's name.
    /// - Throws: `VitvideoError` where the file cannot be written, what was there stays then; of kind `badData` where a
    ///   parameter is not finite.
    package static func write(
        _ engine: TrainingEngine, normalization: Normalization, classNames: [String], name: String? = nil,
        to path: String
    ) throws {
        let shape = engine.shape
        var tensors = try engine.layout.parameters.map { parameter in
            let values = Array(
                UnsafeBufferPointer(start: engine.parameters.start + parameter.offset, count: parameter.count)
            )
            guard values.allSatisfy(\.isFinite) else {
                throw VitvideoError(
                    .badData, cannot: "write", path: path,
                    reason: "\(quoted(parameter.name)) is no longer a finite number",
                    nextStep: .advice("train again with a lower learning rate"))
            }
            return (name: parameter.name, shape: parameter.shape, values: values)
        }
        if shape.isPlain, shape.positions == .sineCosine {
            tensors.append(
                (
                    "pos_embed", [1, shape.patches, shape.width],
                    PositionTable.sineCosine(
                        rows: shape.gridSide, columns: shape.gridSide, width: shape.width)
                ))
        }
        func list(_ values: [Float]) -> String { values.map { "\($0)" }.joined(separator: ",") }
        var metadata = [
            "family": shape.isPlain ? Configuration.Family.vit.rawValue : family,
            "mean": list(normalization.mean), "std": list(normalization.deviation),
            "num_heads": String(shape.heads), "activation": Activation.gelu.rawValue,
            "layer_norm_eps": "\(shape.layerNormEpsilon)",
            "class_names": JSONValue.array(classNames.map { .string($0) }).json,
        ]
        if !shape.isPlain { metadata["shape"] = shape.json.json }
        if let name { metadata["model"] = name }
        try Safetensors.write(tensors, metadata: metadata, to: path)
    }
}
