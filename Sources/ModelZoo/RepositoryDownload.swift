import Base
import Checkpoints
import Downloads
import Files
import Glibc

/// A repository of the Hugging Face hub, or one file of it, on its way into the model cache.
///
/// Configurations and tokenizer come first, of several files of weights their index last: a directory has
/// weights once all is there. Each file has its name once it is whole, and a broken one goes on where it
/// stopped.
struct RepositoryDownload {
    let reference: HubReference
    let hub: HuggingFaceHub
    /// Where the repository's files go.
    let directory: String
    /// Called as bytes of a file arrive.
    let progress: (_ file: String, Download.Progress) -> Void
    let isCancelled: () -> Bool

    /// The folder of the wanted files in the repository: empty, or with a slash at its end.
    var folder: String {
        guard let file = reference.file, file.contains("/") else { return "" }
        return file.parentPath + "/"
    }

    /// - Throws: `VitvideoError` where there are no weights, the hub refuses or the network fails.
    func run() throws {
        let companions = WeightsDirectory.companionNames
        do {
            for name in companions { try fetchIfThere(folder + name) }
            try fetchWeights()
        } catch {
            // What has come of the weights is kept for the next try, and then what belongs to them too.
            let weights = FileSystem.tree(in: directory).map { "\(directory)/\($0)" }.filter {
                let name = $0.lastPathPart
                return !FileSystem.isDirectory($0) && !companions.contains(name) && !name.hasPrefix(".")
            }
            if weights.isEmpty {
                FileSystem.removeTree(directory)
                FileSystem.rmdir(directory.parentPath)
            }
            throw error
        }
    }

    private func fetchWeights() throws {
        if let file = reference.file {
            if let refusal = try WeightsDirectory.isIndex(file) ? attemptParts(file) : attempt(file) {
                throw hub.failure(refusal, reference)
            }
            return
        }
        for name in WeightsDirectory.publishedNames {
            let refusal = try WeightsDirectory.isIndex(name) ? attemptParts(name) : attempt(name)
            guard let refusal else { return }
            guard hub.isAbsence(refusal) else { throw hub.failure(refusal, reference) }
        }
        throw VitvideoError(
            .unavailable, cannot: "download", path: reference.description,
            reason: "the repository has none of \(WeightsDirectory.publishedNames.joined(separator: ", "))",
            nextStep: .nameHubFile(reference.description))
    }

    /// Fetches the files that an index names, and gives the index its name.
    ///
    /// - Returns: how the hub refuses the index; nil once all is there.
    private func attemptParts(_ index: String) throws -> Download.Refusal? {
        if WeightsDirectory.isWhole("\(directory)/\(index)") { return nil }
        let hidden = folder + "." + index.lastPathPart
        if let refusal = try attempt(index, to: hidden) { return refusal }
        for part in try WeightsDirectory.parts(ofIndex: "\(directory)/\(hidden)") {
            if let refusal = try attempt(folder + part) { throw hub.failure(refusal, reference) }
        }
        // Another process may have done so meanwhile.
        guard
            FileSystem.rename("\(directory)/\(hidden)", "\(directory)/\(index)") == 0
                || FileSystem.exists("\(directory)/\(index)")
        else { throw VitvideoError.cacheNotWritable(directory) }
        return nil
    }

    private func fetchIfThere(_ file: String) throws {
        guard let refusal = try attempt(file) else { return }
        guard hub.isAbsence(refusal) else { throw hub.failure(refusal, reference) }
    }

    private func attempt(_ file: String, to name: String? = nil) throws -> Download.Refusal? {
        var download = Download(
            from: hub.address(of: file, in: reference), to: "\(directory)/\(name ?? file)")
        download.token = hub.token
        download.takesServersWord = true
        return try download.attempt(progress: { progress(file, $0) }, isCancelled: isCancelled)
    }
}
