import Pipeline
import ViT

/// A model that the report is about.
package struct ReportSubject: Sendable {
    package let engine: Engine
    /// What to call it; no two subjects of a report share a name.
    package let name: String
    package let resolution: Resolution
    /// Nil for a model without classes.
    package let classification: Classification?

    package init(
        engine: Engine, name: String, resolution: Resolution, classification: Classification? = nil
    ) {
        self.engine = engine
        self.name = name
        self.resolution = resolution
        self.classification = classification
    }

    package var model: Model { engine.model }

    /// The model as methods look at it.
    package var probed: ProbedModel {
        ProbedModel(model, name: name, resolution: resolution, classification: classification)
    }

    var preprocessor: Preprocessor {
        Preprocessor(configuration: model.configuration, resolution: resolution)
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
