import Methods
import Pixels
import Probing
import ViT

/// What one forward pass of a plain Vision Transformer leaves: queries and keys, from which all attention follows.
struct TransformerRecord: FrameRecord {
    let about: FrameAccount
    let entropyNats: Double
    private let model: ServedTransformer
    /// Queries and keys of all layers.
    private let kept: KeptAttention
    /// `tokens × D` after the final LayerNorm; empty where the model has none.
    private let finalTokens: [Float]
    /// What the pooling probe attends to, where the model has one.
    private let probe: TokenAttention?

    var bytes: Int {
        KeptAttention.byteCount(
            model.probed.configuration, rows: about.layout.rows, columns: about.layout.columns)
            + finalTokens.count * MemoryLayout<Float>.stride
    }

    /// - Throws: as `ForwardPass.run`.
    init(
        of image: RGBImage, timeSeconds: Double, by model: ServedTransformer, _ pass: ForwardPass,
        progress: @escaping (Double) -> Void
    ) throws {
        self.model = model
        let probed = model.probed
        let c = probed.configuration
        var request = probed.classifying(ForwardRequest(attentionBlocks: [], wantsTokens: model.givesTokens))
        request.wantsProbeAttention = c.pooling == .attentionProbe
        let (result, kept) = try pass.keepingAttention(
            try probed.preprocessor.patches(of: image), request
        ) { progress(Double($0) / Double(c.depth)) }
        self.kept = kept
        finalTokens = result.tokens
        probe = result.probeAttention
        let classes = probed.classification.map { classification in
            let count = classification.shownCount
            return classification.labels.top(
                count > 0 ? count : FrameAccount.shownClasses, of: classification.classifier.logits(result))
        }
        let layout = try probed.layout(of: image)
        about = FrameAccount(
            image, timeSeconds: timeSeconds, layout, tokens: kept.tokens, classes: classes ?? [])
        let standard = try Self.attention(
            of: model.standardQuery, block: c.depth - 1, kept: kept, probe: probe, c, layout)
        entropyNats = MapStatistics.entropyNats(of: HeadFusion.mean.fuse(standard.planes))
    }

    func attention(of query: Query, block: Int) throws -> [Plane] {
        try query.check(model.probed, namesBlock: query != .probe)
        try query.check(
            on: about.layout, height: about.pictureHeight, width: about.pictureWidth, model: model.name)
        return try Self.attention(
            of: query, block: block, kept: kept, probe: probe, model.probed.configuration, about.layout
        ).planes
    }

    private static func attention(
        of query: Query, block: Int, kept: KeptAttention, probe: TokenAttention?, _ c: Configuration,
        _ layout: InputLayout
    ) throws -> TokenAttention {
        if query == .probe, let probe { return probe }
        guard let attending = query.attending(on: layout, specialTokens: c.specialTokens) else {
            throw HTTPProblem(.unprocessable, "the model has no such query")
        }
        return try kept.attention(from: attending, block: block)
    }

    func queriesAndKeys(ofBlock block: Int) throws -> (values: [Float], shape: [Int]) {
        (try kept.queriesAndKeys(ofBlock: block), [2, kept.tokens, model.probed.configuration.width])
    }

    func tokens() throws -> (values: [Float], shape: [Int]) {
        guard !finalTokens.isEmpty else { throw HTTPProblem(.unprocessable, "the model has no final norm") }
        return (finalTokens, [kept.tokens, model.probed.configuration.width])
    }
}
