import Base
import Checkpoints
import Downloads
import Files
import Glibc
import ViT

/// A model that the zoo does not know and that has a name all the same.
package enum StoredModel: Sendable, Hashable {
    /// Of the Hugging Face hub.
    case hub(HubReference)
    /// Imported under a name of its own.
    case imported(String)

    /// As `--model` takes it.
    package var name: String {
        switch self {
        case .hub(let reference): reference.description
        case .imported(let name): name
        }
    }

    /// Fit for captions and the names of arrays.
    package var shortName: String {
        switch self {
        case .hub(let reference): reference.shortName
        case .imported(let name): name
        }
    }
}

/// The models of the cache that are not the zoo's: `hf/<owner>/<name>/` holds what was fetched of a
/// repository, `imported/<name>/` a model that was imported. Each is a directory as Hugging Face's libraries
/// write it.
extension ModelCache {
    package var hub: HuggingFaceHub { HuggingFaceHub(foreign) }

    private var hubDirectory: String { "\(directory)/hf" }
    var importDirectory: String { "\(directory)/imported" }

    /// The model that a name means, if it is one of the hub's or an imported one.
    package func stored(named name: String) -> StoredModel? {
        if let reference = HubReference(name) { return .hub(reference) }
        guard Self.isImportName(name), find(.imported(name)) != nil else { return nil }
        return .imported(name)
    }

    /// Where a model is or would be kept.
    package func path(of model: StoredModel) -> String {
        switch model {
        case .hub(let reference):
            "\(hubDirectory)/\(reference.repository)" + (reference.file.map { "/" + $0 } ?? "")
        case .imported(let name): "\(importDirectory)/\(name)"
        }
    }

    /// The model on this machine: in the cache, or in Hugging Face's own.
    ///
    /// - Returns: nil where it is not, or not all of it.
    package func find(_ model: StoredModel) -> Location? {
        let path = path(of: model)
        switch model {
        case .imported:
            return WeightsDirectory.weights(in: path).map { _ in Location(path: path, origin: .imported) }
        case .hub(let reference):
            let weights = reference.file == nil ? WeightsDirectory.weights(in: path) : path
            if let weights, WeightsDirectory.isWhole(weights) {
                return Location(path: path, origin: .downloaded)
            }
            return foreign.huggingFaceFile(reference.repository, file: reference.file).map {
                Location(path: reference.file == nil ? $0.parentPath : $0, origin: .huggingFace)
            }
        }
    }

    /// Loads a model that the zoo does not know.
    ///
    /// - Parameters:
    ///   - told: what the user says of it.
    ///   - checkpointKey: which of several models in the file.
    ///   - download: gets what is not on this machine; nil for never.
    /// - Throws: `VitvideoError.notPulled` where `download` is nil, and what reading the file and `download`
    ///   throw.
    package func load(
        _ model: StoredModel, told: ModelFacts = ModelFacts(), checkpointKey: String? = nil,
        download: ((HubReference) throws -> Location)? = nil
    ) throws -> Model {
        try Model.load(
            location(of: model, download: download).path, name: model.shortName, told: told,
            checkpointKey: checkpointKey, known: ModelZoo.published(withHash:))
    }

    /// Where a model is, got if need be.
    ///
    /// - Parameter download: as that of `load`.
    /// - Throws: as `load`.
    package func location(
        of model: StoredModel, download: ((HubReference) throws -> Location)? = nil
    ) throws -> Location {
        if let location = find(model) { return location }
        guard case .hub(let reference) = model, let download else {
            throw VitvideoError.notPulled(model.name)
        }
        return try download(reference)
    }

    /// Fetches a repository of the hub, or a file of it.
    ///
    /// - Parameters:
    ///   - progress: called as bytes of a file arrive.
    ///   - isCancelled: asked several times a second.
    /// - Throws: `VitvideoError` where there are no weights, the hub refuses or the network fails.
    package func download(
        _ reference: HubReference,
        progress: @escaping (_ file: String, Download.Progress) -> Void = { _, _ in },
        isCancelled: @escaping () -> Bool = { false }
    ) throws -> Location {
        let fetch = RepositoryDownload(
            reference: reference, hub: hub, directory: "\(hubDirectory)/\(reference.repository)",
            progress: progress, isCancelled: isCancelled)
        try makeDirectory("\(fetch.directory)/\(fetch.folder)")
        try fetch.run()
        return Location(path: path(of: .hub(reference)), origin: .downloaded)
    }

    /// Reads a model's weights, and checks that they are all there and each value is a number.
    ///
    /// - Throws: `VitvideoError.notPulled`, and what reading the file throws.
    package func verify(_ model: StoredModel) throws -> Verification {
        let location = try location(of: model)
        let loader = try WeightLoader(try Checkpoint.open(location.path))
        let loaded = try load(model)
        try loader.checkValues(for: loaded.configuration)
        return Verification(location: location, sha256: loaded.weightsHash, expected: "")
    }

    // MARK: Listing

    /// What was imported under names of their own, by name.
    package var importedModels: [StoredModel] {
        (FileSystem.names(in: importDirectory) ?? []).sorted().compactMap { stored(named: $0) }
    }

    /// What was fetched from the hub into the cache, by name; files where it was single ones.
    package var pulledModels: [StoredModel] {
        let owners = (FileSystem.names(in: hubDirectory) ?? []).sorted()
        let repositories = owners.flatMap { owner in
            (FileSystem.names(in: "\(hubDirectory)/\(owner)") ?? []).sorted().map { "\(owner)/\($0)" }
        }
        return repositories.flatMap { repository -> [StoredModel] in
            guard let whole = HubReference(HubReference.prefix + repository) else { return [] }
            let path = path(of: .hub(whole))
            if WeightsDirectory.weights(in: path).map(WeightsDirectory.isWhole) == true {
                return [.hub(whole)]
            }
            let companions = WeightsDirectory.companionNames
            return FileSystem.tree(in: path).filter {
                !FileSystem.isDirectory("\(path)/\($0)") && !companions.contains($0.lastPathPart)
                    && !["part", "origin"].contains($0.pathExtension)
            }.compactMap { HubReference("\(whole)/\($0)") }.map(StoredModel.hub)
        }
    }

    /// Bytes of a model in the cache, with its configurations and tokenizer.
    package func size(of model: StoredModel) -> Int64 {
        let path = path(of: model)
        let files = FileSystem.isDirectory(path) ? FileSystem.tree(in: path).map { "\(path)/\($0)" } : [path]
        return files.reduce(0) { sum, file in
            var status = stat()
            guard FileSystem.stat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return sum }
            return sum + Int64(status.st_size)
        }
    }
}
