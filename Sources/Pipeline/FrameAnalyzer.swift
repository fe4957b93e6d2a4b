import Pixels
import Probing
import ViT
import VideoIO

/// What is computed for each frame.
public struct AnalysisSettings: Sendable {
    public var engine: Engine
    public var resolution: Resolution
    /// The block whose attention is shown, 0-based.
    public var block: Int
    /// The heads that are shown, fused and exported, in this order.
    public var heads: [Int]
    public var fusion: HeadFusion
    /// Share of the fused map's mass that the mask keeps; nil for no mask.
    public var maskMass: Double?

    /// - Parameters:
    ///   - layer: block index, negative from the end as in Python.
    ///   - heads: nil for all.
    /// - Throws: `ModelError.noSuchBlock`, `ModelError.noSuchHead`.
    public init(
        engine: Engine, resolution: Resolution, layer: Int = -1, heads: [Int]? = nil,
        fusion: HeadFusion = .mean,
        maskMass: Double? = nil
    ) throws {
        self.engine = engine
        self.resolution = resolution
        block = try engine.model.block(at: layer)
        let count = engine.model.configuration.heads
        self.heads = heads ?? Array(0..<count)
        if let wrong = self.heads.first(where: { !(0..<count).contains($0) }) {
            throw ModelError.noSuchHead(wrong, heads: count)
        }
        self.fusion = fusion
        self.maskMass = maskMass
    }

    public var model: Model { engine.model }

    /// Where the patch grid lies on frames of this size.
    ///
    /// - Throws: `ModelError.inputTooSmall`.
    public func layout(height: Int, width: Int) throws -> InputLayout {
        try Preprocessor(configuration: model.configuration, resolution: resolution)
            .layout(height: height, width: width)
    }
}

/// A frame with its attention.
public struct AnnotatedFrame: Sendable {
    public let frame: VideoFrame
    /// Raw attention of each chosen head, `rows × columns`.
    public let heads: [Plane]
    public let fused: Plane
    /// 1 where a patch is within the mass threshold; nil where no mask was asked for.
    public let mask: Plane?
}

/// One worker's share of the analysis: a whole frame at a time, on the worker's thread.
final class FrameAnalyzer {
    private let settings: AnalysisSettings
    private let preprocessor: Preprocessor
    private let pass: ForwardPass

    init(_ settings: AnalysisSettings) throws {
        self.settings = settings
        preprocessor = Preprocessor(
            configuration: settings.model.configuration, resolution: settings.resolution)
        pass = try ForwardPass(engine: settings.engine)
    }

    func analyze(_ frame: VideoFrame) throws -> AnnotatedFrame {
        let result = try pass.run(
            try preprocessor.patches(of: frame.image), ForwardRequest(attentionBlocks: [settings.block]))
        let planes = result.attention[settings.block]?.planes ?? []
        let heads = settings.heads.map { planes[$0] }
        let fused = settings.fusion.fuse(heads)
        return AnnotatedFrame(
            frame: frame, heads: heads, fused: fused,
            mask: settings.maskMass.map { MassThreshold.mask(of: fused, mass: $0) })
    }
}
