import Checkpoints
import Foundation

/// The directory where imported weights are kept, one safetensors file a model.
public struct ModelCache: Sendable {
    public let directory: String

    public init(directory: String) { self.directory = directory }

    /// `$VITVIDEO_CACHE`, else `$XDG_CACHE_HOME/vitvideo`, else `~/.cache/vitvideo`.
    public static func standard(environment: [String: String] = ProcessInfo.processInfo.environment)
        -> ModelCache
    {
        func set(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        if let own = set("VITVIDEO_CACHE") { return ModelCache(directory: own) }
        let base = set("XDG_CACHE_HOME") ?? (set("HOME") ?? NSHomeDirectory()) + "/.cache"
        return ModelCache(directory: base + "/vitvideo")
    }

    /// Where a model's weights are, or would be.
    public func path(of entry: ModelZoo.Entry) -> String { "\(directory)/\(entry.name).safetensors" }

    public func has(_ entry: ModelZoo.Entry) -> Bool {
        FileManager.default.fileExists(atPath: path(of: entry))
    }

    /// Loads a known model out of the cache.
    ///
    /// - Parameter positionInterpolation: how positions are carried to another grid; nil for the family's way.
    /// - Throws: `ModelError.unknownModel`, `ModelError.weightsNotFound`, `ModelError.weightsDoNotFit`,
    ///   `CheckpointError`.
    public func load(_ name: String, positionInterpolation: PositionInterpolation? = nil) throws -> Model {
        let entry = try ModelZoo.entry(named: name)
        guard has(entry) else {
            throw ModelError.weightsNotFound(model: entry.name, path: path(of: entry), source: entry.source)
        }
        return try Model.load(
            path(of: entry), name: entry.name, configuration: entry.configuration,
            positionInterpolation: positionInterpolation)
    }

    /// Reads weights in any known format, checks them against the named model and writes them into the cache.
    ///
    /// - Returns: the path of the file written.
    /// - Throws: as `load`, and `CheckpointError` where the cache cannot be written.
    public func importWeights(from path: String, as name: String) throws -> String {
        let entry = try ModelZoo.entry(named: name)
        let loader = WeightLoader(try Checkpoint.open(path))
        let tensors = try loader.canonicalTensors(for: entry.configuration)
        try makeDirectory()
        let target = self.path(of: entry)
        try Safetensors.write(
            tensors,
            metadata: [
                "model": entry.name, "family": entry.configuration.family.rawValue,
                "num_heads": String(entry.configuration.heads),
                "source_sha256": try ContentHash.sha256(ofFile: path),
            ],
            to: target)
        return target
    }

    private func makeDirectory() throws {
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw ModelError.cacheNotWritable(directory)
        }
    }
}

extension Model {
    /// Loads weights from a file in any known format.
    ///
    /// - Parameters:
    ///   - name: what to call the model; the file's name where nil.
    ///   - configuration: the expected architecture; read off the tensors where nil.
    ///   - heads: number of heads where the architecture is read off and heads are not 64 wide.
    ///   - family: conventions to follow where the architecture is read off; guessed where nil.
    ///   - positionInterpolation: how positions are carried to another grid; nil for the family's way.
    /// - Throws: `ModelError.weightsDoNotFit`, `CheckpointError`.
    public static func load(
        _ path: String, name: String? = nil, configuration: Configuration? = nil, heads: Int? = nil,
        family: Configuration.Family? = nil, positionInterpolation: PositionInterpolation? = nil
    ) throws -> Model {
        let checkpoint = try Checkpoint.open(path)
        let loader = WeightLoader(checkpoint)
        var configuration =
            try configuration
            ?? loader.inferConfiguration(
                heads: heads ?? checkpoint.metadata["num_heads"].flatMap { Int($0) },
                family: family ?? checkpoint.metadata["family"].flatMap(Configuration.Family.init(rawValue:)))
        if let positionInterpolation { configuration.positionInterpolation = positionInterpolation }
        return Model(
            configuration: configuration,
            name: name ?? checkpoint.metadata["model"] ?? URL(fileURLWithPath: path).lastPathComponent,
            weightsHash: try ContentHash.sha256(ofFile: path),
            weights: try loader.weights(for: configuration))
    }
}
