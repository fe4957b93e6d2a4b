import FoundationEssentials
import Pixels
import ViT

/// What a method is asked for: a model to look at, and how.
package struct MethodRequest {
    package let model: ProbedModel
    package let settings: MethodSettings
    /// Makes the model ready to compute; called once at most.
    package let makeEngine: () throws -> Engine
    /// Threads that share a frame before the run.
    package let threads: Int
    /// Memory that may be taken before the run; nil where unknown.
    package let availableBytes: Int?
    /// Calls its argument with some of the clip's frames, the same at every call.
    package let forEachSample: ((RGBImage) throws -> Void) throws -> Void
    /// Reads the picture that a query is in.
    package let picture: (QueryPlace) throws -> RGBImage
    /// What a source of the same settings gave as its `savedState`; nil in a new job.
    package let savedState: Data?

    package init(
        model: ProbedModel, settings: MethodSettings = MethodSettings(), threads: Int = 1,
        availableBytes: Int? = nil, savedState: Data? = nil,
        forEachSample: @escaping ((RGBImage) throws -> Void) throws -> Void = { _ in },
        picture: @escaping (QueryPlace) throws -> RGBImage = { _ in
            preconditionFailure("no picture is asked for")
        },
        makeEngine: @escaping () throws -> Engine
    ) {
        self.model = model
        self.settings = settings
        self.makeEngine = makeEngine
        self.threads = threads
        self.availableBytes = availableBytes
        self.forEachSample = forEachSample
        self.picture = picture
        self.savedState = savedState
    }
}
