import Files
import Methods
import Pixels
import ViT

/// A model that the server looks by, whatever computes it.
package protocol ServedModel: Sendable {
    var name: String { get }
    /// What a command says to look by the same model in the same way: `--model dino_vits16 --resolution 224`.
    var arguments: [String] { get }
    /// SHA-256 of the weights file in hexadecimal.
    var weightsHash: String { get }
    var layers: Int { get }
    var standardQuery: Query { get }
    /// The methods that the model has all for.
    var methods: [Method] { get }
    /// What the page has to know of it.
    var description: JSONValue { get }

    /// Refuses what would not fit.
    ///
    /// - Parameter budgetBytes: of what is kept of frames.
    /// - Throws: `VitvideoError` of kind `usage`.
    func check(_ image: RGBImage, budgetBytes: Int, allowsHuge: Bool) throws
    /// Makes what a worker has for itself.
    ///
    /// - Parameter threads: that share a pass.
    /// - Throws: `VitvideoError.mathLibraryMissing`.
    func makeRecorder(threads: Int) throws -> RecordFrame
    /// A method fitted to one frame alone, as a command about that frame fits it.
    ///
    /// - Parameter picture: reads the picture that a query is in.
    /// - Throws: `VitvideoError` for what the model does not have.
    func source(
        _ chosen: ChosenMethod, of image: RGBImage, threads: Int,
        picture: @escaping (QueryPlace) throws -> RGBImage
    ) throws -> any MapSource
    /// Maps of a source as the page takes them: all on the grid that it knows.
    ///
    /// - Throws: as `source`.
    func shown(_ maps: [Plane], of image: RGBImage) throws -> [Plane]
}

extension ServedModel {
    /// Tells it from every other model and way of looking, for ETags.
    var stamp: String { ([weightsHash] + arguments).joined(separator: " ") }
}

/// Runs a model on a frame, once, with scratch memory of its own. Used by one worker's thread alone.
///
/// - Parameter progress: told how far it is, 0 to 1.
/// - Throws: `VitvideoError`, `Cancellation.Cancelled`.
package typealias RecordFrame = (
    _ image: RGBImage, _ timeSeconds: Double, _ progress: @escaping (Double) -> Void
) throws -> any FrameRecord
