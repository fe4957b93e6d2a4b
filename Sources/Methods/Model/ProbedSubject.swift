import ViT

/// A model as a job looks at it, whatever computes it.
package protocol ProbedSubject: Sendable {
    /// Identifies the model among those of a job.
    var name: String { get }
    /// SHA-256 of the weights file in hexadecimal.
    var weightsHash: String { get }
    /// What the model was taken for and why, in words.
    var reading: String { get }
    /// What was taken for granted about it.
    var notices: [ModelNotice] { get }
    /// How many classes frames get a logit of; 0 where they are not classified.
    var classes: Int { get }
    /// The tokens of the texts that are its classes; nil where they are something else.
    var textTokens: [[Int]]? { get }

    /// The size at which the model sees frames of this size.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where they hold no whole patch.
    func inputSize(height: Int, width: Int) throws -> (height: Int, width: Int)

    /// What an export says of the model.
    ///
    /// - Parameter version: of the tool that writes it.
    func provenance(precision: Precision, version: String) -> Provenance
}

extension ProbedModel: ProbedSubject {
    package var weightsHash: String { model.weightsHash }
    package var reading: String { model.reading }
    package var notices: [ModelNotice] { model.account.notices }
    package var classes: Int { classification?.classifier.classes ?? 0 }
    package var textTokens: [[Int]]? { classification?.classifier.textTokens }

    package func inputSize(height: Int, width: Int) throws -> (height: Int, width: Int) {
        let layout = try preprocessor.layout(height: height, width: width)
        return (layout.rows * configuration.patchSize, layout.columns * configuration.patchSize)
    }

    package func provenance(precision: Precision, version: String) -> Provenance {
        Provenance(of: model, precision: precision, version: version)
    }
}
