import Pixels
import ViT

/// A way to get maps from a picture: one model looked at by one method.
///
/// A new method is a new type of this protocol in a file of its own; views, statistics and export take whatever
/// maps it gives. Sources are shared by the workers and immutable; what a worker needs for itself (scratch
/// memory, a forward pass) belongs to the function it makes.
public protocol MapSource: Sendable {
    /// Identifies the source among those of a job: the model's name.
    var name: String { get }
    /// What the maps are called in an export: `attention`.
    var kind: String { get }
    /// What the single maps of a frame are, in order: "head 0", "head 1", … Empty where there is only the
    /// fused one.
    var partNames: [String] { get }
    /// How the single maps were fused: "mean".
    var fusedName: String { get }
    /// How many classes the frames' logits have; 0 where the source does not classify.
    var classes: Int { get }

    /// Where the maps' cells lie on frames of this size, in pixels.
    ///
    /// - Throws: `ModelError.inputTooSmall`.
    func layout(height: Int, width: Int) throws -> InputLayout

    /// How the maps of frames of this size come about, for whoever reads an export.
    ///
    /// - Throws: as `layout`.
    func provenance(sourceHeight: Int, sourceWidth: Int) throws -> MapProvenance

    /// Makes one worker's function from a frame to its maps. Called on the worker's thread, which alone calls
    /// the function.
    ///
    /// - Parameter threads: how many threads share a frame, the worker's included.
    /// - Throws: what keeps the method from running at all, such as `ModelError.mathLibraryMissing`.
    func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps
}

/// The maps of one frame from one source.
public struct FrameMaps: Sendable {
    /// Raw maps, as many as the source has `partNames`, `rows × columns` each.
    public let parts: [Plane]
    /// The raw map that stands for the whole, `rows × columns`.
    public let fused: Plane
    /// What the classifier takes the frame for; nil without one.
    public let prediction: FramePrediction?

    public init(parts: [Plane], fused: Plane, prediction: FramePrediction? = nil) {
        self.parts = parts
        self.fused = fused
        self.prediction = prediction
    }
}
