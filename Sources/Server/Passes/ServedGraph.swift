import Base
import Files
import Graph
import Methods
import Pixels
import Probing
import ViT

/// A transformer of any build that the server looks by. All its maps go to the page on the finest of its grids, and what the
/// page calls a patch is one of that grid.
package struct ServedGraph: ServedModel {
    let probed: ProbedGraph
    package let arguments: [String]
    private let heads: [Int]
    private let hasClassToken: Bool
    private let givesTokens: Bool

    /// - Throws: `VitvideoError` where the model cannot be computed.
    package init(_ probed: ProbedGraph, arguments: [String]) throws {
        self.probed = probed
        self.arguments = arguments
        let size = probed.model.nativeSize
        let instance = try GraphRequest(
            model: probed, frameHeight: size.height, frameWidth: size.width
        ).instance()
        heads = instance.attention.map(\.heads)
        hasClassToken = instance.attention.allSatisfy { $0.queryTokens > 0 }
        givesTokens = instance.tokens.normalized != nil || instance.tokens.layers.last.flatMap { $0 } != nil
    }

    package var name: String { probed.name }
    package var weightsHash: String { probed.weightsHash }
    package var layers: Int { heads.count }
    package var standardQuery: Query { hasClassToken ? .classToken : .mean }

    package var description: JSONValue {
        .object([
            .init("name", .string(name)),
            .init("layers", .integer(layers)), .init("heads", .integer(heads.max() ?? 0)),
            .init("class_token", .bool(hasClassToken)),
            .init("query", .string(standardQuery.description)),
            .init("attention_from_keys", .bool(false)),
            .init("classes", .integer(probed.classes)),
            .init("final_tokens", .bool(false)),
            .init("computation", .string(ProbedGraph.computation)),
            .init("reading", .string(probed.reading)),
            .init("methods", .array(methods.map { .string($0.name) })),
        ])
    }

    package var methods: [Method] {
        MethodRegistry.standard.methods.filter { method in
            let needsTokens = ["similarity", "features"].contains(method.name)
            return method.looksAtGraphs && method.isServed(classes: probed.classes)
                && (!needsTokens || givesTokens)
        }
    }

    package func check(_ image: RGBImage, budgetBytes: Int, allowsHuge: Bool) throws {
        let instance = try probed.instance(height: image.height, width: image.width)
        try checkFits(
            GraphRecord.byteCount(instance), of: "a frame of \(image.width)×\(image.height)",
            budgetBytes: budgetBytes)
    }

    package func makeRecorder(threads: Int) throws -> RecordFrame {
        let looker = try GraphLooker(probed, threads: threads) { $0.attention.map(\.value) }
        return { image, seconds, _ in
            let (instance, pass) = try looker.look(at: image)
            return try GraphRecord(image, timeSeconds: seconds, by: self, instance, pass)
        }
    }

    package func source(
        _ chosen: ChosenMethod, of image: RGBImage, threads: Int,
        picture: @escaping (QueryPlace) throws -> RGBImage
    ) throws -> any MapSource {
        var settings = chosen.settings
        if let query = settings[MethodOptions.query] {
            settings[MethodOptions.query] = query.pixel(on: try layout(of: image))
        }
        return try chosen.method.makeSource(
            GraphRequest(
                model: probed, settings: settings, frameHeight: image.height, frameWidth: image.width,
                threads: threads, forEachSample: { try $0(image) }, picture: picture))
    }

    package func shown(_ maps: [Plane], of image: RGBImage) throws -> [Plane] {
        let layout = try layout(of: image)
        return maps.map { $0.spread(rows: layout.rows, columns: layout.columns) }
    }

    /// The finest grid.
    func layout(of image: RGBImage) throws -> InputLayout {
        let instance = try probed.instance(height: image.height, width: image.width)
        let grid = PlacedFold.grid(of: instance.attention)
        return try probed.preprocessor.layout(height: image.height, width: image.width)
            .divided(rows: grid?.rows ?? 1, columns: grid?.columns ?? 1)
    }
}

/// All that one pass over a frame leaves: every attention matrix.
private struct GraphRecord: FrameRecord {
    let about: FrameAccount
    let entropyNats: Double
    private let model: ServedGraph
    private let instance: GraphInstance
    private let image: (height: Int, width: Int)
    private let attention: [[Float]]

    static func byteCount(_ instance: GraphInstance) -> Int {
        instance.attention.reduce(0) { $0 + instance.graph.shape($1.value).count }
            * MemoryLayout<Float>.stride
    }

    init(
        _ image: RGBImage, timeSeconds: Double, by model: ServedGraph, _ instance: GraphInstance,
        _ pass: GraphPass
    ) throws {
        (self.model, self.instance) = (model, instance)
        self.image = (image.height, image.width)
        attention = instance.attention.map { matrix in pass.withValues(matrix.value) { Array($0) } }
        let layout = try model.layout(of: image)
        about = FrameAccount(
            image, timeSeconds: timeSeconds, layout, tokens: layout.patches,
            classes: model.probed.labels?.top(
                model.probed.shownCount > 0 ? model.probed.shownCount : FrameAccount.shownClasses,
                of: pass.output) ?? [])
        let last = instance.attention.count - 1
        entropyNats = MapStatistics.entropyNats(
            of: HeadFusion.mean.fuse(
                try Self.maps(instance, attention, of: model.standardQuery, block: last, layout, model.name)))
    }

    var bytes: Int { Self.byteCount(instance) }

    func attention(of query: Query, block: Int) throws -> [Plane] {
        try query.check(on: about.layout, height: image.height, width: image.width, model: model.name)
        return try Self.maps(
            instance, attention, of: query.pixel(on: about.layout), block: block, about.layout, model.name
        ).map { $0.spread(rows: about.layout.rows, columns: about.layout.columns) }
    }

    private static func maps(
        _ instance: GraphInstance, _ attention: [[Float]], of query: Query, block: Int,
        _ layout: InputLayout, _ name: String
    ) throws -> [Plane] {
        let matrix = instance.attention[block]
        try query.check(matrix, layer: block, of: name)
        return try attention[block].withUnsafeBufferPointer {
            try matrix.maps($0, heads: Array(0..<matrix.heads), query: query, on: layout, name: name)
        }
    }

    func queriesAndKeys(ofBlock block: Int) throws -> (values: [Float], shape: [Int]) {
        throw HTTPProblem(.unprocessable, "of this model only attention is kept")
    }

    func tokens() throws -> (values: [Float], shape: [Int]) {
        throw HTTPProblem(.unprocessable, "of this model only attention is kept")
    }
}

extension Query {
    /// A patch of one grid as the pixel in its middle, by which it is found on any other.
    fileprivate func pixel(on layout: InputLayout) -> Query {
        guard case .patch(let row, let column) = self else { return self }
        return .pixel(
            x: Int((Double(column) + 0.5) * layout.cellWidth), y: Int((Double(row) + 0.5) * layout.cellHeight)
        )
    }
}
