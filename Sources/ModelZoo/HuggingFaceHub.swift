import Base
import Downloads
import Files
import Glibc

/// The Hugging Face hub as its own library finds it.
package struct HuggingFaceHub: Sendable {
    /// `$HF_ENDPOINT`, else the public hub, without a slash at the end.
    package let endpoint: String
    /// The user's: `$HF_TOKEN`, else what logging in has left in a file; nil where there is none.
    package let token: String?

    init(_ caches: ForeignCaches) {
        var endpoint = caches.value("HF_ENDPOINT") ?? "https://huggingface.co"
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        self.endpoint = endpoint
        let texts = [
            { caches.value("HF_TOKEN") }, { caches.value("HUGGING_FACE_HUB_TOKEN") },
            { FileSystem.text(of: caches.huggingFaceToken) },
        ]
        token = texts.lazy.compactMap { $0()?.trimmed }
            // A header is one line.
            .first { !$0.isEmpty && $0.unicodeScalars.allSatisfy { (0x21...0x7E).contains($0.value) } }
    }

    /// The page of a repository, where its terms are.
    package func page(of reference: HubReference) -> String { "\(endpoint)/\(reference.repository)" }

    /// Where a file of a repository's main branch is.
    func address(of file: String, in reference: HubReference) -> String {
        "\(page(of: reference))/resolve/main/\(Self.escaped(file))"
    }

    /// A path in an address, where only slashes and what RFC 3986 calls unreserved stand for themselves.
    static func escaped(_ path: String) -> String {
        path.utf8.reduce(into: "") { text, byte in
            switch UnicodeScalar(byte) {
            case "A"..."Z", "a"..."z", "0"..."9", "-", ".", "_", "~", "/":
                text.unicodeScalars.append(UnicodeScalar(byte))
            default: text += (byte < 16 ? "%0" : "%") + String(byte, radix: 16, uppercase: true)
            }
        }
    }

    /// Whether it is the file that is not there, and not the repository.
    func isAbsence(_ refusal: Download.Refusal) -> Bool {
        refusal.isAbsence && refusal.code != "RepoNotFound"
    }

    /// What an answer means that is not the file.
    func failure(_ refusal: Download.Refusal, _ reference: HubReference) -> VitvideoError {
        func failure(_ reason: String, _ nextStep: NextStep?) -> VitvideoError {
            VitvideoError(
                .unavailable, cannot: "download", path: reference.description,
                reason: "\(reason) (HTTP status \(refusal.status))", nextStep: nextStep)
        }
        switch (refusal.status, refusal.code) {
        // The hub says so also of what it keeps from those whom it does not know.
        case (_, "RepoNotFound"):
            return failure(
                "there is no such repository at \(endpoint), or it is a private one",
                token == nil ? .nameHubToken : nil)
        case (401, _), (403, _):
            return failure(
                token == nil
                    ? "the repository is gated" : "the repository is gated, and not open to your account",
                .acceptTerms(page(of: reference), hasToken: token != nil))
        default: return refusal.isAbsence ? failure("the repository has no such file", nil) : refusal.error
        }
    }
}
