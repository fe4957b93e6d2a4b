import Checkpoints
import Foundation
import ViT

/// A tiny model with its text tower as a library keeps it, and what the library computes (`golden_scripts/texts.py`).
package struct TextGolden: Sendable, CustomStringConvertible {
    package let name: String
    package let kind: TextTower.Kind
    /// Of the weights in the golden's folder.
    package let file: String
    /// Where nothing beside the file tells the heads.
    package var heads: Int?
    /// Of the vision tower, where nothing tells it.
    package var activation: Activation?

    package static let all = [
        TextGolden(name: "clip_openai", kind: .clip, file: "model.pt", heads: 2),
        TextGolden(name: "clip_open_clip", kind: .clip, file: "open_clip_model.safetensors"),
        TextGolden(name: "clip_transformers", kind: .clip, file: "model.safetensors"),
        TextGolden(name: "siglip_transformers", kind: .siglip, file: "model.safetensors"),
        TextGolden(
            name: "siglip_open_clip", kind: .siglip, file: "open_clip_model.safetensors", heads: 2,
            activation: .geluTanh),
    ]

    package var description: String { name }
    package var path: String { Fixtures.golden("texts/\(name)/\(file)").path }

    package func model() throws -> Model {
        try Model.load(path, told: ModelFacts(heads: heads, activation: activation))
    }

    /// Texts, logits and the gradient of a picture.
    package func expected() throws -> Checkpoint { try open("expected") }

    /// What speaks for a text in a picture.
    package func maps() throws -> Checkpoint { try open("maps") }

    /// Of every text.
    package func tokens() throws -> [[Int]] { try decoded("tokens", of: expected()) }

    /// The numbers of the texts that have maps.
    package func mappedTexts() throws -> [Int] { try decoded("texts", of: maps()) }

    private func open(_ kind: String) throws -> Checkpoint {
        try Checkpoint.open(Fixtures.golden("texts/\(name).\(kind).safetensors").path)
    }

    private func decoded<Value: Decodable>(_ key: String, of golden: Checkpoint) throws -> Value {
        guard let text = golden.metadata[key] else { throw Golden.Missing(what: "\(key) of \(name)") }
        return try JSONDecoder().decode(Value.self, from: Data(text.utf8))
    }
}
