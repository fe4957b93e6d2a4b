import FoundationEssentials
import Graph
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
        case texts([String])

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .text(let value): try container.encode(value)
            case .integer(let value): try container.encode(value)
            case .number(let value): try container.encode(value)
            case .integers(let values): try container.encode(values)
            case .numbers(let values): try container.encode(values)
            case .texts(let values): try container.encode(values)
            }
        }
    }

    private var values: [String: Value] = [:]

    /// Of what a model gives, whatever it is given.
    ///
    /// - Parameters:
    ///   - precision: the number format of the matrix products.
    ///   - version: of the tool that writes the archive.
    package init(of model: Model, precision: Precision, version: String) {
        self["model"] = .text(model.name)
        self["weights_sha256"] = .text(model.weightsHash)
        self["patch"] = .integer(model.configuration.patchSize)
        self["precision"] = .text(precision.rawValue)
        let c = model.configuration
        self["family"] = .text(c.family.rawValue)
        self["mean"] = .numbers(c.normalization.mean.map(Self.shortest))
        self["std"] = .numbers(c.normalization.deviation.map(Self.shortest))
        self["position_rule"] = .text(c.text(of: .positionRule))
        self["num_heads"] = .integer(c.heads)
        self["layer_norm_epsilon"] = .number(Self.shortest(c.layerNormEpsilon))
        self["activation"] = .text(c.activation.rawValue)
        self["grid"] = .integers([c.nativeRows, c.nativeColumns])
        self["tensor_prefix"] = .text(model.account.prefix)
        self["assumed"] = .texts(model.account.assumed.map(\.key))
        self["version"] = .text(version)
    }

    /// The same of a transformer of any build.
    package init(of model: GraphModel, version: String) {
        self["model"] = .text(model.name)
        self["weights_sha256"] = .text(model.weightsHash)
        self["precision"] = .text(Precision.float32.rawValue)
        self["architecture"] = .text(model.title)
        self["mean"] = .numbers(model.normalization.mean.map(Self.shortest))
        self["std"] = .numbers(model.normalization.deviation.map(Self.shortest))
        self["version"] = .text(version)
    }

    /// The double that is written with as few digits as the float.
    private static func shortest(_ value: Float) -> Double { Double("\(value)") ?? Double(value) }

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
