import Base
import Files
import Methods
import Pixels
import Probing
import ViT

/// All that one forward pass over a frame leaves: what follows without another pass.
struct FrameRecord: Sendable {
    let layout: InputLayout
    let pictureHeight: Int
    let pictureWidth: Int
    let timeSeconds: Double
    /// Queries and keys of all layers.
    let kept: KeptAttention
    /// `tokens × D` after the final LayerNorm; empty where the model has none.
    let tokens: [Float]
    /// What the pooling probe attends to, where the model has one.
    let probe: TokenAttention?
    let prediction: FramePrediction?
    /// The likeliest classes.
    let classes: [ClassLabels.Ranked]
    /// Of the heads' mean in the last layer, as `--stats` has it, in nats.
    let entropyNats: Double

    /// Bytes in memory.
    var bytes: Int {
        KeptAttention.byteCount(configuration, rows: layout.rows, columns: layout.columns)
            + tokens.count * MemoryLayout<Float>.stride
    }

    private let configuration: Configuration

    /// As many classes as a page shows where nobody says.
    private static let shownClasses = 3

    /// Runs the model on a frame, once.
    ///
    /// - Parameters:
    ///   - progress: told how far it is, 0 to 1.
    /// - Throws: as `ForwardPass.run`.
    init(
        of image: RGBImage, timeSeconds: Double, by model: ServedModel, _ pass: ForwardPass,
        progress: @escaping (Double) -> Void
    ) throws {
        let probed = model.probed
        let c = probed.configuration
        var request = probed.classifying(ForwardRequest(attentionBlocks: [], wantsTokens: model.givesTokens))
        request.wantsProbeAttention = c.pooling == .attentionProbe
        let (result, kept) = try pass.keepingAttention(
            try probed.preprocessor.patches(of: image), request
        ) { progress(Double($0) / Double(c.depth)) }
        configuration = c
        layout = try probed.layout(of: image)
        (pictureHeight, pictureWidth) = (image.height, image.width)
        self.timeSeconds = timeSeconds
        self.kept = kept
        tokens = result.tokens
        probe = result.probeAttention
        prediction = probed.prediction(result)
        classes =
            prediction.flatMap { prediction in
                probed.classification.map { classification in
                    let count = classification.shownCount
                    return classification.labels.top(
                        count > 0 ? count : Self.shownClasses, of: prediction.logits)
                }
            } ?? []
        let standard = try Self.attention(
            of: model.standardQuery, block: c.depth - 1, kept: kept, probe: probe, c, layout)
        entropyNats = MapStatistics.entropyNats(of: HeadFusion.mean.fuse(standard.planes))
    }

    /// What a query attends to in a block, per head.
    ///
    /// - Throws: `VitvideoError`, also for a query that the model or the picture does not have.
    func attention(of query: Query, block: Int, model: ServedModel) throws -> TokenAttention {
        try query.check(model.probed, namesBlock: query != .probe)
        try query.check(on: layout, height: pictureHeight, width: pictureWidth, model: model.name)
        return try Self.attention(
            of: query, block: block, kept: kept, probe: probe, configuration, layout)
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

    /// Sizes in pixels of the picture and in patches; times in seconds.
    var description: JSONValue {
        .object([
            .init("height", .integer(pictureHeight)), .init("width", .integer(pictureWidth)),
            .init("seconds", .number(timeSeconds)),
            .init("rows", .integer(layout.rows)), .init("columns", .integer(layout.columns)),
            .init("tokens", .integer(kept.tokens)),
            .init("cell_height", .number(layout.cellHeight)), .init("cell_width", .number(layout.cellWidth)),
            .init("entropy_nats", .number(entropyNats)),
            .init(
                "classes",
                .array(
                    classes.map {
                        .object([
                            .init("index", .integer($0.index)), .init("name", .string($0.name)),
                            .init("probability", .number(Double($0.probability))),
                        ])
                    })),
        ])
    }
}
