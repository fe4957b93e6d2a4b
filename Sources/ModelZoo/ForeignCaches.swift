import Base
import Checkpoints
import Files
import Glibc

/// Where PyTorch, CLIP and Hugging Face keep their downloads. Files found there are used in place.
package struct ForeignCaches: Sendable {
    let environment: [String: String]

    package init(environment: [String: String]) { self.environment = environment }

    /// A variable's value with a leading `~` replaced by the home directory; nil where it is not set or
    /// empty.
    func value(_ name: String) -> String? {
        guard let text = environment[name], !text.isEmpty else { return nil }
        return text == "~" || text.hasPrefix("~/") ? home + text.dropFirst() : text
    }

    var home: String { environment["HOME"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.homeOfUser }

    /// As the system knows it.
    private static let homeOfUser = getpwuid(getuid()).map { String(cString: $0.pointee.pw_dir) } ?? "/"

    /// `$XDG_CACHE_HOME`, else `~/.cache`.
    var userCache: String { value("XDG_CACHE_HOME") ?? home + "/.cache" }

    /// The folder that `load_state_dict_from_url` fills, below `torch.hub.get_dir()`.
    package var torchCheckpoints: String {
        (value("TORCH_HOME") ?? userCache + "/torch") + "/hub/checkpoints"
    }

    /// Where OpenAI's `clip.load` and OpenCLIP keep OpenAI's files.
    package var openAI: String { home + "/.cache/clip" }

    private var huggingFaceHome: String { value("HF_HOME") ?? userCache + "/huggingface" }

    /// As `huggingface_hub.constants.HF_HUB_CACHE`; timm and OpenCLIP keep theirs there too.
    package var huggingFaceHub: String {
        value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") ?? huggingFaceHome + "/hub"
    }

    /// As `huggingface_hub.constants.HF_TOKEN_PATH`.
    var huggingFaceToken: String { value("HF_TOKEN_PATH") ?? huggingFaceHome + "/token" }

    /// The weights of a repository's current snapshot, or another file of it; nil where there are none, or
    /// not all.
    func huggingFaceFile(_ repository: String, file: String? = nil) -> String? {
        let folder = "\(huggingFaceHub)/models--\(repository.replacing("/", with: "--"))"
        var snapshots = FileSystem.names(in: folder + "/snapshots")?.sorted() ?? []
        if let current = FileSystem.text(of: folder + "/refs/main") {
            let current = current.trimmed
            snapshots = snapshots.filter { $0 == current } + snapshots.filter { $0 != current }
        }
        for snapshot in snapshots {
            // A snapshot links to blobs, and a link may be left without its blob.
            let directory = "\(folder)/snapshots/\(snapshot)"
            let path = file.map { "\(directory)/\($0)" } ?? WeightsDirectory.weights(in: directory)
            if let path, WeightsDirectory.isWhole(path) { return path }
        }
        return nil
    }
}
