import Methods
import ViT

/// A model that the report is about, ready to compute.
package struct ReportSubject: Sendable {
    package let engine: Engine
    /// No two subjects of a report share a name.
    package let probed: ProbedModel

    /// - Parameter classification: nil for a model without classes.
    package init(
        engine: Engine, name: String, resolution: Resolution, classification: Classification? = nil
    ) {
        self.engine = engine
        probed = ProbedModel(
            engine.model, name: name, resolution: resolution, classification: classification)
    }

    package var name: String { probed.name }
    package var model: Model { probed.model }
    package var resolution: Resolution { probed.resolution }
    var classification: Classification? { probed.classification }

    /// How the model's numbers come about.
    func provenance(version: String) -> Provenance {
        Provenance(of: model, precision: engine.precision, version: version)
    }

    /// The name as a part of file names: letters, digits, `.`, `-` and `_`.
    var fileName: String {
        String(
            name.map { character in
                character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
                    ? character : "_"
            })
    }
}

extension ReportSubject {
    /// Why there is no class token to look at, nil where there is one: what follows the model's name.
    var classTokenObstacle: String? {
        if !model.configuration.prefix.hasClassToken { return "has no class token" }
        if !model.configuration.hasFinalNorm && !model.configuration.hasPoolingNorm {
            return "has no norm after its last layer, so it gives no features"
        }
        return nil
    }
}
