import Base
import Methods
import Pixels
import ViT

/// A model that a report is about, whatever computes it.
package protocol ReportModel: Sendable {
    /// No two models of a report share a name.
    var name: String { get }
    /// Whether it gives classes.
    var classifies: Bool { get }
    /// How many heads each layer has.
    var headCounts: [Int] { get }

    /// What it is built of, in words.
    var shape: String { get }
    /// At what size it is given pictures, in words.
    var given: String { get }
    /// What it was taken for, in words, and in which numbers it is computed.
    var reading: String { get }
    /// SHA-256 of the weights file in hexadecimal.
    var weightsHash: String { get }
    /// What was taken for granted about it.
    var notices: [ModelNotice] { get }
    /// What it is computed with.
    var computation: String { get }
    /// Why that is not the best there could be; nil where nothing stands in the way.
    var notice: String? { get }
    /// Why what is of plain Vision Transformers alone shows nothing of it, in words; nil for one.
    var obstacle: String? { get }
    /// How the model's numbers come about.
    func provenance(version: String) -> Provenance

    /// Refuses settings that the model does not have.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    func check(_ section: MethodSection, _ settings: ReportSettings) throws
    /// Refuses pictures of a size that the model is not given.
    ///
    /// - Throws: `VitvideoError` of kind `usage`.
    func checkSize(height: Int, width: Int, allowsHuge: Bool) throws
    /// Bytes of a pass over a picture of this size.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where the picture holds no whole patch.
    func passBytes(height: Int, width: Int) throws -> Int

    /// Makes one worker's part.
    ///
    /// - Parameters:
    ///   - threads: that share one picture.
    ///   - workers: how many pictures are under way at once, for what memory is needed.
    /// - Throws: `VitvideoError` where the model cannot be computed with, or does not have what the options ask for.
    func makeProbe(_ plan: SurveyPlan, threads: Int, workers: Int) throws -> any ModelProbe
}

/// Applies what a report holds to one picture after another for one model. Each worker has one.
package protocol ModelProbe {
    /// - Parameters:
    ///   - path: the picture's, as it was given.
    ///   - isShown: whether the picture is shown with all methods; others only count for the surveys.
    ///   - availableBytes: memory that methods may take; nil for what is left to this process.
    /// - Throws: what the methods and surveys throw; `VitvideoError` of kind `usage` where `availableBytes` are too few,
    ///   naming the resolution that would fit.
    func measure(
        _ image: RGBImage, path: String, isShown: Bool, availableBytes: Int?
    ) throws -> PictureMeasures
}

extension ReportModel {
    /// The name as a part of file names: letters, digits, `.`, `-` and `_`.
    var fileName: String {
        String(
            name.map { character in
                character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
                    ? character : "_"
            })
    }
}
