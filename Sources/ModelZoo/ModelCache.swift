import Base
import Checkpoints
import Downloads
import Files
import Glibc
import ViT

/// The directory that keeps weights, and the directories of PyTorch and Hugging Face that may have them
/// already.
///
/// Imported weights are `<model>.safetensors`, under canonical names. Downloaded weights stay as they were
/// published, under the published file's name, so that their hash remains that of the source. Not every
/// publisher gives a hash, so `<file>.sha256` beside the file notes what it was on arrival.
package struct ModelCache: Sendable {
    /// Where a model's weights were found.
    package struct Location: Sendable, Hashable {
        package enum Origin: Sendable {
            case imported, downloaded, torchHub, openAI, huggingFace, openCLIP
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
    ///   - environment: the variables that say where the caches of PyTorch and Hugging Face are.
    package init(
        directory: String, mirror: String? = nil,
        environment: [String: String] = FileName.environment
    ) {
        self.directory = directory
        self.mirror = mirror
        foreign = ForeignCaches(environment: environment)
    }

    /// `$VITVIDEO_CACHE`, else `$XDG_CACHE_HOME/vitvideo`, else `~/.cache/vitvideo`; `$VITVIDEO_MIRROR` for a
    /// server in place of the publishers'.
    package static func standard(environment: [String: String] = FileName.environment)
        -> ModelCache
    {
        func set(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let directory =
            set("VITVIDEO_CACHE") ?? ForeignCaches(environment: environment).userCache + "/vitvideo"
        return ModelCache(directory: directory, mirror: set("VITVIDEO_MIRROR"), environment: environment)
    }

    // MARK: Finding

    /// Where a model's imported weights are, or would be.
    package func importedPath(of entry: ModelZoo.Entry) -> String { "\(directory)/\(entry.name).safetensors" }

    /// Where a model's downloaded weights are, or would be.
    package func downloadedPath(of entry: ModelZoo.Entry) -> String { "\(directory)/\(entry.fileName)" }

    /// The model's weights on this machine, the first there is of: imported, downloaded, torch.hub's,
    /// OpenAI's, Hugging Face's, OpenCLIP's.
    ///
    /// - Returns: nil where there are none.
    package func find(_ entry: ModelZoo.Entry) -> Location? {
        let candidates: [Location] =
            [
                Location(path: importedPath(of: entry), origin: .imported),
                Location(path: downloadedPath(of: entry), origin: .downloaded),
                Location(path: "\(foreign.torchCheckpoints)/\(entry.fileName)", origin: .torchHub),
                Location(path: "\(foreign.openAI)/\(entry.fileName)", origin: .openAI),
            ]
            + (entry.original.map {
                [Location(path: "\(foreign.torchCheckpoints)/\($0.name)", origin: .torchHub)]
            } ?? [])
        if let found = candidates.first(where: { FileSystem.exists($0.path) }) {
            return found
        }
        for repository in entry.huggingFace {
            if let path = foreign.huggingFaceFile(repository) {
                return Location(path: path, origin: .huggingFace)
            }
        }
        return entry.openCLIP.flatMap { foreign.huggingFaceFile($0) }.map {
            Location(path: $0, origin: .openCLIP)
        }
    }

    /// - Throws: `VitvideoError.weightsNotFound`.
    private func location(of entry: ModelZoo.Entry) throws -> Location {
        if let location = find(entry) { return location }
        throw VitvideoError.weightsNotFound(
            model: entry.name, path: importedPath(of: entry), source: entry.source)
    }

    // MARK: Loading

    /// Loads a known model and checks its file's hash where one is known.
    ///
    /// - Parameters:
    ///   - told: what the user says of the model, where that is something else than is known.
    ///   - download: gets weights that are not on this machine, with `download(_:progress:isCancelled:)`; nil
    ///     for never.
    /// - Throws: `VitvideoError.weightsNotFound` where `download` is nil, `VitvideoError.wrongHash`,
    ///   `VitvideoError.weightsDoNotFit`, and what reading the file and `download` throw.
    package func load(
        _ entry: ModelZoo.Entry, told: ModelFacts = ModelFacts(),
        download: ((ModelZoo.Entry) throws -> Location)? = nil
    ) throws -> Model {
        let location =
            if let download { try find(entry) ?? download(entry) } else { try location(of: entry) }
        let model = try Model.load(
            location.path, name: entry.name, configuration: entry.configuration, told: told,
            // The other places hold files of many models.
            readsFilesBeside: location.origin == .huggingFace)
        try check(model.weightsHash, of: location, entry)
        return model
    }

    /// The hash that a found file should have, or its first digits: the published one, else the one noted on
    /// arrival; empty where neither is known.
    private func expectedHash(of location: Location, _ entry: ModelZoo.Entry) -> String {
        switch location.origin {
        // These are other files with the same weights.
        case .imported, .huggingFace, .openCLIP: return ""
        case .openAI: return entry.sha256
        case .torchHub:
            return location.path.lastPathPart == entry.original?.name
                ? entry.original?.sha256 ?? "" : entry.sha256
        case .downloaded:
            let isWhole = entry.sha256.count == 64
            return isWhole ? entry.sha256 : notedHash(location.path) ?? entry.sha256
        }
    }

    /// A downloaded file's hash on arrival.
    private func notedHash(_ path: String) -> String? {
        FileSystem.text(of: path + ".sha256").map { String($0.prefix(64)) }
    }

    private func check(_ hash: String, of location: Location, _ entry: ModelZoo.Entry) throws {
        let expected = expectedHash(of: location, entry)
        guard hash.hasPrefix(expected) else {
            throw VitvideoError.wrongHash(path: location.path, expected: expected, found: hash)
        }
    }

    // MARK: Downloading

    /// Downloads a known model's weights and checks size, hash, names and shapes. A broken download goes on
    /// where it stopped; a file that does not pass the checks is removed.
    ///
    /// - Parameters:
    ///   - progress: called as bytes arrive.
    ///   - isCancelled: asked several times a second.
    /// - Throws: `VitvideoError.downloadFailed`, `VitvideoError.weightsDoNotFit`,
    ///   `VitvideoError.cacheNotWritable`, and what reading the file throws.
    package func download(
        _ entry: ModelZoo.Entry, progress: (Download.Progress) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) throws -> Location {
        let path = downloadedPath(of: entry)
        // A file that changed since its arrival would pass for the published one where no hash is published.
        if let noted = notedHash(path), FileSystem.exists(path),
            try ContentHash.sha256(ofFile: path) != noted
        {
            FileSystem.unlink(path)
        }
        try download(
            entry.source, to: path, size: entry.size, sha256: entry.sha256,
            orElse: .importModel(entry.name), progress: progress, isCancelled: isCancelled)
        do {
            let loader = try WeightLoader(try Checkpoint.open(path))
            try loader.check(loader.fitted(entry.configuration))
        } catch {
            FileSystem.unlink(path)
            throw error
        }
        let note = "\(try ContentHash.sha256(ofFile: path))  \(entry.fileName)\n"
        do {
            let file = try AtomicFile(path + ".sha256", overwrite: true, permissions: 0o644)
            try file.write(note)
            try file.commit()
        } catch {
            throw VitvideoError.cacheNotWritable(directory)
        }
        return Location(path: path, origin: .downloaded)
    }

    /// Downloads a published file, from the mirror where there is one.
    ///
    /// - Parameter nextStep: what to do where the download fails.
    /// - Throws: `VitvideoError.downloadFailed`, `VitvideoError.cacheNotWritable`.
    func download(
        _ source: String, to path: String, size: Int64? = nil, sha256: String = "",
        orElse nextStep: NextStep, progress: (Download.Progress) -> Void = { _ in },
        isCancelled: () -> Bool = { false }
    ) throws {
        try makeDirectory()
        var url = source
        if let mirror { url = (mirror.hasSuffix("/") ? mirror : mirror + "/") + path.lastPathPart }
        do {
            try Download(from: url, to: path, size: size, sha256: sha256)
                .run(progress: progress, isCancelled: isCancelled)
        } catch let error as VitvideoError {
            throw VitvideoError.downloadFailed(error, orElse: nextStep)
        }
    }

    // MARK: Verifying

    /// What `verify` found out.
    package struct Verification: Sendable, Equatable {
        package let location: Location
        package let sha256: String
        /// The hash that the file has to have, or its first digits. Empty where none is known for a file of
        /// this origin, so that only names and shapes were checked.
        package let expected: String
    }

    /// Reads a model's weights and checks them against the published hash and the model's names and shapes, and
    /// that each value is a number.
    ///
    /// - Throws: `VitvideoError.weightsNotFound`, `VitvideoError.wrongHash`, `VitvideoError.weightsDoNotFit`,
    ///   and what reading the file throws.
    package func verify(_ entry: ModelZoo.Entry) throws -> Verification {
        let location = try location(of: entry)
        let hash = try ContentHash.sha256(ofFile: location.path)
        try check(hash, of: location, entry)
        let loader = try WeightLoader(try Checkpoint.open(location.path))
        let configuration = loader.fitted(entry.configuration)
        try loader.check(configuration)
        try loader.checkValues(for: configuration)
        return Verification(
            location: location, sha256: hash, expected: expectedHash(of: location, entry))
    }

    // MARK: Importing

    /// Reads weights in any known format, checks them against the model and writes them into the cache.
    ///
    /// - Parameters:
    ///   - checkpointKey: which of several models in the file.
    ///   - onNotice: called with what the user should know about what was taken and left.
    /// - Throws: `VitvideoError.weightsDoNotFit`, `VitvideoError.cacheNotWritable`, and what reading and
    ///   writing the files throws.
    package func importWeights(
        from path: String, as entry: ModelZoo.Entry, checkpointKey: String? = nil,
        onNotice: (ModelNotice) -> Void = { _ in }
    ) throws -> Location {
        let checkpoint = try Checkpoint.open(path)
        let loader = try WeightLoader(checkpoint, key: checkpointKey)
        let configuration = loader.fitted(entry.configuration)
        let tensors = try loader.canonicalTensors(for: configuration)
        loader.notices.forEach(onNotice)
        try makeDirectory()
        let target = importedPath(of: entry)
        var metadata = [
            "model": entry.name, "family": configuration.family.rawValue,
            "num_heads": String(configuration.heads), "source_sha256": try checkpoint.contentHash(),
        ]
        // What the family tells is left to it.
        if configuration.normalization != configuration.family.preset.normalization {
            metadata["mean"] = configuration.text(of: .mean)
            metadata["std"] = configuration.text(of: .deviation)
        }
        try Safetensors.write(tensors, metadata: metadata, to: target)
        return Location(path: target, origin: .imported)
    }

    /// Makes the cache's directory, or one in it.
    func makeDirectory(_ path: String? = nil) throws {
        do {
            try FileSystem.makeDirectories(path ?? directory)
        } catch {
            throw VitvideoError.cacheNotWritable(directory)
        }
    }
}
