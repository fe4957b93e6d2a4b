import Pixels
import Probing
import ViT

/// What the class token attends to in one block, per head and fused.
public struct ClassTokenAttention: MapSource {
    public let engine: Engine
    public let name: String
    public let resolution: Resolution
    /// The block, 0-based.
    public let block: Int
    /// The heads that are shown, fused and exported, in this order.
    public let heads: [Int]
    public let fusion: HeadFusion
    /// Nil where frames are not classified.
    public let classification: Classification?

    /// - Parameters:
    ///   - name: what to call the model; its own name where nil.
    ///   - layer: block index, negative from the end as in Python.
    ///   - heads: nil for all.
    /// - Throws: `ModelError.noSuchBlock`, `ModelError.noSuchHead`.
    public init(
        engine: Engine, name: String? = nil, resolution: Resolution, layer: Int = -1, heads: [Int]? = nil,
        fusion: HeadFusion = .mean, classification: Classification? = nil
    ) throws {
        self.engine = engine
        let model = engine.model
        self.name = name ?? model.name
        self.resolution = resolution
        block = try model.block(at: layer)
        let count = model.configuration.heads
        self.heads = heads ?? Array(0..<count)
        if let wrong = self.heads.first(where: { !(0..<count).contains($0) }) {
            throw ModelError.noSuchHead(wrong, heads: count)
        }
        self.fusion = fusion
        self.classification = classification
    }

    public var model: Model { engine.model }
    public var kind: String { "attention" }
    public var partNames: [String] { heads.map { "head \($0)" } }
    public var fusedName: String { fusion.rawValue }
    public var classes: Int { classification?.classifier.classes ?? 0 }

    private var preprocessor: Preprocessor {
        Preprocessor(configuration: model.configuration, resolution: resolution)
    }

    public func layout(height: Int, width: Int) throws -> InputLayout {
        try preprocessor.layout(height: height, width: width)
    }

    public func provenance(sourceHeight: Int, sourceWidth: Int) throws -> MapProvenance {
        let layout = try layout(height: sourceHeight, width: sourceWidth)
        let patch = model.configuration.patchSize
        return MapProvenance(
            model: model.name, weightsSha256: model.weightsHash, layer: block, heads: heads, patch: patch,
            inputHeight: layout.rows * patch, inputWidth: layout.columns * patch,
            sourceHeight: sourceHeight, sourceWidth: sourceWidth, cellHeight: layout.cellHeight,
            cellWidth: layout.cellWidth)
    }

    public func makeExtractor(threads: Int) throws -> (RGBImage) throws -> FrameMaps {
        let pass = try ForwardPass(engine: engine, threads: threads)
        let preprocessor = preprocessor
        var request = ForwardRequest(attentionBlocks: [block])
        classification?.classifier.require(of: &request)
        return { [block, heads, fusion, classification, request] image in
            let result = try pass.run(try preprocessor.patches(of: image), request)
            let planes = result.attention[block]?.planes ?? []
            let chosen = heads.map { planes[$0] }
            return FrameMaps(
                parts: chosen, fused: fusion.fuse(chosen),
                prediction: classification.map {
                    FramePrediction(logits: $0.classifier.logits(result), $0)
                })
        }
    }
}
