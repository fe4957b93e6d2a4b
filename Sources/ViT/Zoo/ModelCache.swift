import Base
import Checkpoints
import Downloads
import Files
import Foundation

/// The directory where weights are kept, and what of them is elsewhere on this machine.
///
/// Imported weights are `<model>.safetensors`, under canonical names. Pulled ones stay as they were published, under
/// the published file's own name, so that their hash remains that of the source; beside them `<file>.sha256` says
/// what it was, since not every publisher does.
package struct ModelCache: Sendable {
    /// Where a model's weights were found.
    package struct Location: Sendable, Hashable {
        package enum Origin: String, Sendable {
            case imported, pulled
            case torchHub = "torch.hub"
            case huggingFace = "Hugging Face"
        }

        package let path: String
        package let origin: Origin
    }

    package let directory: String
    /// A URL in place of the publishers': `<mirror>/<file name>`; nil for the publishers' own.
    package let mirror: String?
    let foreign: ForeignCaches

    /// - Parameters:
    ///   - mirror: a server that has the published files; https, or http on this machine.
    ///   - environment: where the variables come from that tell PyTorch's and Hugging Face's caches.
    package init(
        directory: String, mirror: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        self.directory = directory
        self.mirror = mirror
        foreign = ForeignCaches(environment: environment)
    }

    /// `$VITVIDEO_CACHE`, else `$XDG_CACHE_HOME/vitvideo`, else `~/.cache/vitvideo`; `$VITVIDEO_MIRROR` for a server
    /// in place of the publishers'.
    package static func standard(environment: [String: String] = ProcessInfo.processInfo.environment)
        -> ModelCache
    {
        func set(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let directory =
            set("VITVIDEO_CACHE") ?? ForeignCaches(environment: environment).userCache + "/vitvideo"
        return ModelCache(directory: directory, mirror: set("VITVIDEO_MIRROR"), environment: environment)
    }

    // MARK: Finding

    /// Where a model's imported weights are, or would be.
    package func path(of entry: ModelZoo.Entry) -> String { "\(directory)/\(entry.name).safetensors" }

    /// Where a model's pulled weights are, or would be.
    package func pulledPath(of entry: ModelZoo.Entry) -> String { "\(directory)/\(entry.fileName)" }

    package func has(_ entry: ModelZoo.Entry) -> Bool { find(entry) != nil }

    /// The model's weights on this machine: imported, pulled, torch.hub's, Hugging Face's, the first there is.
    package func find(_ entry: ModelZoo.Entry) -> Location? {
        let candidates: [Location] = [
            Location(path: path(of: entry), origin: .imported),
            Location(path: pulledPath(of: entry), origin: .pulled),
            Location(path: "\(foreign.torchCheckpoints)/\(entry.fileName)", origin: .torchHub),
        ]
        if let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0.path) }) {
            return found
        }
        for repository in entry.huggingFace {
            if let path = foreign.huggingFaceFile(repository) {
                return Location(path: path, origin: .huggingFace)
            }
        }
        return nil
    }

    // MARK: Loading

    /// Loads a known model, fetching its weights first where they are nowhere on this machine.
    ///
    /// - Parameters:
    ///   - offline: never fetch.
    ///   - positionInterpolation: how positions are carried to another grid; nil for the family's way.
    ///   - progress: called as bytes arrive, where the weights have to be fetched.
    ///   - isCancelled: asked several times a second while fetching.
    /// - Throws: `ModelError.unknownModel`, `ModelError.weightsNotFound` when offline, `ModelError.pullFailed`,
    ///   `ModelError.wrongHash`, `ModelError.weightsDoNotFit`, `CheckpointError`.
    package func load(
        _ name: String, offline: Bool = false, positionInterpolation: PositionInterpolation? = nil,
        progress: (Download.Progress) -> Void = { _ in }, isCancelled: () -> Bool = { false }
    ) throws -> Model {
        let entry = try ModelZoo.entry(named: name)
        if find(entry) == nil {
            guard !offline else {
                throw ModelError.weightsNotFound(
                    model: entry.name, path: path(of: entry), source: entry.source)
            }
            _ = try pull(entry, progress: progress, isCancelled: isCancelled)
        }
        return try load(entry, positionInterpolation: positionInterpolation)
    }

    package func load(_ entry: ModelZoo.Entry, positionInterpolation: PositionInterpolation? = nil) throws
        -> Model
    {
        guard let location = find(entry) else {
            throw ModelError.weightsNotFound(model: entry.name, path: path(of: entry), source: entry.source)
        }
        let model = try Model.load(
            location.path, name: entry.name, configuration: entry.configuration,
            positionInterpolation: positionInterpolation)
        try check(model.weightsHash, of: location, entry)
        return model
    }

    /// The hash that a found file should have: the published one, else what it was when pulled; empty where
    /// neither is known.
    private func expectedHash(of location: Location, _ entry: ModelZoo.Entry) -> String {
        switch location.origin {
        // These are other files with the same weights.
        case .imported, .huggingFace: return ""
        case .torchHub: return entry.sha256
        case .pulled:
            let isWhole = entry.sha256.count == 64
            return isWhole ? entry.sha256 : notedHash(location.path) ?? entry.sha256
        }
    }

    /// What a pulled file's hash was when it came.
    private func notedHash(_ path: String) -> String? {
        (try? String(contentsOfFile: path + ".sha256", encoding: .utf8)).map { String($0.prefix(64)) }
    }

    private func check(_ hash: String, of location: Location, _ entry: ModelZoo.Entry) throws {
        let expected = expectedHash(of: location, entry)
        guard hash.hasPrefix(expected) else {
            throw ModelError.wrongHash(path: location.path, expected: expected, found: hash)
        }
    }

    // MARK: Pulling

    /// Fetches a known model's weights, going on with a broken download, and checks size, hash, names and shapes.
    ///
    /// - Returns: the path of the file.
    /// - Throws: `ModelError.unknownModel`, `ModelError.pullFailed`, `ModelError.weightsDoNotFit`,
    ///   `ModelError.cacheNotWritable`, `CheckpointError`. A file that does not pass is not kept.
    package func pull(
        _ name: String, progress: (Download.Progress) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) throws -> String {
        try pull(try ModelZoo.entry(named: name), progress: progress, isCancelled: isCancelled)
    }

    package func pull(
        _ entry: ModelZoo.Entry, progress: (Download.Progress) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) throws -> String {
        let path = pulledPath(of: entry)
        // One that changed since it came is not what the check below would take it for.
        if let noted = notedHash(path), FileManager.default.fileExists(atPath: path),
            try ContentHash.sha256(ofFile: path) != noted
        {
            try? FileManager.default.removeItem(atPath: path)
        }
        do {
            try fetch(
                entry.source, to: path, size: entry.size, sha256: entry.sha256, progress: progress,
                isCancelled: isCancelled)
        } catch let error as VitvideoError {
            throw ModelError.pullFailed(model: entry.name, error)
        }
        do {
            try WeightLoader(try Checkpoint.open(path)).check(entry.configuration)
        } catch {
            try? FileManager.default.removeItem(atPath: path)
            throw error
        }
        let note = "\(try ContentHash.sha256(ofFile: path))  \(entry.fileName)\n"
        do {
            try note.write(toFile: path + ".sha256", atomically: true, encoding: .utf8)
        } catch {
            throw ModelError.cacheNotWritable(directory)
        }
        return path
    }

    /// Fetches a published file, from the mirror where there is one.
    func fetch(
        _ source: String, to path: String, size: Int64? = nil, sha256: String = "",
        progress: (Download.Progress) -> Void, isCancelled: () -> Bool
    ) throws {
        try makeDirectory()
        var url = source
        if let mirror, let file = source.split(separator: "/").last {
            url = (mirror.hasSuffix("/") ? mirror : mirror + "/") + file
        }
        try Download(from: url, to: path, size: size, sha256: sha256)
            .run(progress: progress, isCancelled: isCancelled)
    }

    // MARK: Verifying

    /// What `verify` found out.
    package struct Verification: Sendable, Equatable {
        package let location: Location
        package let sha256: String
        /// The hash, or its first digits, that the file was held to; empty where none is known for a file of this
        /// origin, so that only names and shapes were checked.
        package let expected: String
    }

    /// Reads a model's weights and holds them to the published hash and the model's names and shapes.
    ///
    /// - Throws: `ModelError.unknownModel`, `ModelError.weightsNotFound`, `ModelError.wrongHash`,
    ///   `ModelError.weightsDoNotFit`, `CheckpointError`.
    package func verify(_ name: String) throws -> Verification {
        try verify(try ModelZoo.entry(named: name))
    }

    package func verify(_ entry: ModelZoo.Entry) throws -> Verification {
        guard let location = find(entry) else {
            throw ModelError.weightsNotFound(model: entry.name, path: path(of: entry), source: entry.source)
        }
        let hash = try ContentHash.sha256(ofFile: location.path)
        try check(hash, of: location, entry)
        try WeightLoader(try Checkpoint.open(location.path)).check(entry.configuration)
        return Verification(
            location: location, sha256: hash, expected: expectedHash(of: location, entry))
    }

    // MARK: Importing

    /// Reads weights in any known format, checks them against the named model and writes them into the cache.
    ///
    /// - Parameter checkpointKey: which dictionary of a PyTorch training checkpoint to read.
    /// - Returns: the path of the file written.
    /// - Throws: `ModelError.unknownModel`, `ModelError.weightsDoNotFit`, `ModelError.cacheNotWritable`, and
    ///   `CheckpointError` where a file cannot be read or written.
    package func importWeights(
        from path: String, as name: String, checkpointKey: String? = nil
    ) throws -> String {
        let entry = try ModelZoo.entry(named: name)
        let loader = WeightLoader(try Checkpoint.open(path, key: checkpointKey))
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
