import Methods
import Pixels
import ViT

/// What the sections say of one picture and one model.
struct PictureFindings: Sendable {
    /// As the model was given it.
    let picture: RGBImage
    /// One a class; empty without a classifier.
    let logits: [Float]
    /// The likeliest classes, likeliest first.
    let ranked: [ClassLabels.Ranked]
    /// By the section's name.
    let figures: [String: [SectionFigure]]
}

/// What came of one picture, for one model.
package struct PictureMeasures: Sendable {
    /// By survey, in the report's order; nil where it is not about the model.
    let surveys: [(any Sendable)?]
    /// Nil for a picture that is not shown.
    let findings: PictureFindings?
}
