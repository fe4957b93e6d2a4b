import Base
import Checkpoints
import Files
import Foundation

/// Where PyTorch, CLIP and Hugging Face keep their downloads. Files found there are used in place.
package struct ForeignCaches: Sendable {
    let environment: [String: String]

    package init(environment: [String: String]) { self.environment = environment }

    /// A variable's value with a leading `~` replaced by the home directory; nil where it is not set or
    /// empty.
    private func value(_ name: String) -> String? {
        guard let text = environment[name], !text.isEmpty else { return nil }
        return text == "~" || text.hasPrefix("~/") ? home + text.dropFirst() : text
    }

    var home: String { environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? NSHomeDirectory() }

    /// `$XDG_CACHE_HOME`, else `~/.cache`.
    var userCache: String { value("XDG_CACHE_HOME") ?? home + "/.cache" }

    /// The folder that `load_state_dict_from_url` fills, below `torch.hub.get_dir()`.
    package var torchCheckpoints: String {
        (value("TORCH_HOME") ?? userCache + "/torch") + "/hub/checkpoints"
    }

    /// Where OpenAI's `clip.load` and OpenCLIP keep OpenAI's files.
    package var openAI: String { home + "/.cache/clip" }

    /// As `huggingface_hub.constants.HF_HUB_CACHE`.
    package var huggingFaceHub: String {
        value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE")
            ?? (value("HF_HOME") ?? userCache + "/huggingface") + "/hub"
    }

    /// The weights of a repository's current snapshot; nil where there are none.
    func huggingFaceFile(_ repository: String) -> String? {
        let folder = "\(huggingFaceHub)/models--\(repository.replacing("/", with: "--"))"
        var snapshots = FileSystem.names(in: folder + "/snapshots")?.sorted() ?? []
        if let current = FileSystem.text(of: folder + "/refs/main") {
            let current = current.trimmingCharacters(in: .whitespacesAndNewlines)
            snapshots = snapshots.filter { $0 == current } + snapshots.filter { $0 != current }
        }
        for snapshot in snapshots {
            // A snapshot links to blobs, and a link may be left without its blob.
            if let path = WeightsDirectory.weights(in: "\(folder)/snapshots/\(snapshot)") { return path }
        }
        return nil
    }
}
