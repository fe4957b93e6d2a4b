import Foundation
import ViT

/// How numbers came about, for whoever reads an archive: JSON with sorted keys in snake case. What does not apply is
/// left out.
package struct Provenance: Encodable, Sendable {
    package enum Value: Encodable, Sendable, Equatable {
        case text(String)
        case integer(Int)
        case number(Double)
        case integers([Int])
        case numbers([Double])

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .integers(let values): try container.encode(values)
            case .numbers(let values): try container.encode(values)
            }
        }
    }

    private var values: [String: Value] = [:]

    /// Of what a model gives, whatever it is given.
    ///
    /// - Parameter version: of the tool that writes the archive.
    package init(of model: Model, version: String) {
        self["model"] = .text(model.name)
        self["weights_sha256"] = .text(model.weightsHash)
        self["patch"] = .integer(model.configuration.patchSize)
        self["version"] = .text(version)
    }

    package subscript(key: String) -> Value? {
        get { values[key] }
        set { values[key] = newValue }
    }

    /// Adds what the model is given.
    ///
    /// - Parameters:
    ///   - inputHeight: of the model's input in pixels.
    package mutating func add(inputHeight: Int, inputWidth: Int) {
        self["input_height"] = .integer(inputHeight)
        self["input_width"] = .integer(inputWidth)
    }

    package func encode(to encoder: any Encoder) throws { try values.encode(to: encoder) }

    /// - Throws: what `JSONEncoder` does.
    package func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
}
