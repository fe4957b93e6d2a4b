import Base

/// `hf:owner/name` or `hf:owner/name/file`: a repository of the Hugging Face hub, or one file of it.
package struct HubReference: Sendable, Hashable, CustomStringConvertible {
    package static let prefix = "hf:"

    let owner: String
    let name: String
    /// The file's path in the repository; nil for the weights that the repository is of.
    package let file: String?

    package var repository: String { "\(owner)/\(name)" }
    package var description: String { Self.prefix + repository + (file.map { "/" + $0 } ?? "") }

    /// What to call the model: the repository's name, and the file's without its extension.
    var shortName: String { name + (file.map { "-" + $0.pathStem } ?? "") }

    /// - Returns: nil where the text is no such reference.
    package init?(_ text: String) {
        guard text.hasPrefix(Self.prefix) else { return nil }
        let parts = text.dropFirst(Self.prefix.count)
            .split(separator: "/", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2, parts.prefix(2).allSatisfy(Self.isName) else { return nil }
        let file = parts.count > 2 ? parts[2] : nil
        if let file, !file.split(separator: "/", omittingEmptySubsequences: false).allSatisfy(Self.isPart) {
            return nil
        }
        (owner, name, self.file) = (parts[0], parts[1], file)
    }

    /// As `huggingface_hub.utils.validate_repo_id` has it.
    private static func isName(_ text: String) -> Bool {
        let isUsual = text.unicodeScalars.allSatisfy {
            $0.isASCII
                && ($0.properties.isAlphabetic || ("0"..."9").contains($0)
                    || "._-".unicodeScalars.contains($0))
        }
        return isUsual && (1...96).contains(text.count) && !text.contains("--") && !text.contains("..")
            && !text.hasPrefix(".") && !text.hasPrefix("-") && !text.hasSuffix(".") && !text.hasSuffix("-")
    }

    /// A part of a path that leads nowhere else and is not hidden.
    private static func isPart(_ text: Substring) -> Bool {
        !text.isEmpty && !text.hasPrefix(".") && !text.utf8.contains(0)
    }
}
