import Base
import Checkpoints
import Files
import Foundation

extension Model {
    /// Loads weights from a file in any known format.
    ///
    /// - Parameters:
    ///   - name: what to call the model; the file's name where nil.
    ///   - configuration: the expected architecture; read off the tensors where nil.
    ///   - heads: number of heads where the architecture is read off and heads are not 64 wide.
    ///   - family: conventions to follow where the architecture is read off; guessed where nil.
    ///   - positionInterpolation: how positions are carried to another grid; nil for the family's way.
    ///   - checkpointKey: which dictionary of a PyTorch training checkpoint to read.
    /// - Throws: `VitvideoError.weightsDoNotFit`, `VitvideoError`.
    package static func load(
        _ path: String, name: String? = nil, configuration: Configuration? = nil, heads: Int? = nil,
        family: Configuration.Family? = nil, positionInterpolation: PositionInterpolation? = nil,
        checkpointKey: String? = nil
    ) throws -> Model {
        let checkpoint = try Checkpoint.open(path, key: checkpointKey)
        let loader = WeightLoader(checkpoint)
        var configuration =
            try configuration
            ?? loader.inferConfiguration(
                heads: heads ?? checkpoint.metadata["num_heads"].flatMap { Int($0) },
                family: family ?? checkpoint.metadata["family"].flatMap(Configuration.Family.init(rawValue:)))
        if let positionInterpolation { configuration.positionInterpolation = positionInterpolation }
        return Model(
            configuration: configuration,
            name: name ?? checkpoint.metadata["model"] ?? FileName.shown(path.lastPathPart),
            weightsHash: try ContentHash.sha256(ofFile: path),
            weights: try loader.weights(for: configuration),
            readBlock: { [configuration] in try loader.block($0, for: configuration) })
    }
}
