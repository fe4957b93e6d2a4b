import Base
import FoundationEssentials
import Graph
import Pixels
import Probing
import Rendering
import ViT

/// What a method is asked for of a transformer of any build.
package struct GraphRequest {
    package let model: ProbedGraph
    package let settings: MethodSettings
    /// The size of the frames, or of the first of several.
    package let frameHeight: Int
    package let frameWidth: Int
    /// Threads that share a frame before the run.
    package let threads: Int
    /// What a source of the same settings gave as its `savedState`; nil in a new job.
    package let savedState: Data?
    /// Calls its argument with some of the clip's frames, the same at every call.
    package let forEachSample: ((RGBImage) throws -> Void) throws -> Void
    /// Reads the picture that a query is in.
    package let picture: (QueryPlace) throws -> RGBImage

    package init(
        model: ProbedGraph, settings: MethodSettings = MethodSettings(), frameHeight: Int, frameWidth: Int,
        threads: Int = 1, savedState: Data? = nil,
        forEachSample: @escaping ((RGBImage) throws -> Void) throws -> Void = { _ in },
        picture: @escaping (QueryPlace) throws -> RGBImage = { _ in
            preconditionFailure("no picture is asked for")
        }
    ) {
        self.model = model
        self.settings = settings
        self.frameHeight = frameHeight
        self.frameWidth = frameWidth
        self.threads = threads
        self.savedState = savedState
        self.forEachSample = forEachSample
        self.picture = picture
    }

    /// The model ready for the frames, with attention that is shown.
    ///
    /// - Throws: `VitvideoError` of kind `usage` where it has none.
    package func instance() throws -> GraphInstance {
        let instance = try model.instance(height: frameHeight, width: frameWidth)
        guard instance.attention.isEmpty else { return instance }
        let reason =
            if let lost = instance.lostAt {
                "what its tensors stand for is lost at \(lost)"
            } else if let place = instance.unplaced.first {
                "its attention (\(instance.unplaced.count) times, first at \(quoted(place))) is among channels, which are no "
                    + "parts of the picture"
            } else {
                "there is no softmax between two products in it"
            }
        throw VitvideoError(.usage, reason: "\(model.name) has no attention to show: \(reason)")
    }

    /// The matrix that a layer's index names, negative from the end.
    ///
    /// - Throws: `VitvideoError` of kind `usage` for one that the model does not have.
    func layer(_ index: Int?, of instance: GraphInstance) throws -> Int {
        try blockIndex(index ?? -1, depth: instance.attention.count)
    }
}

/// A source that looks at a transformer of any build.
protocol GraphMapSource: MapSource {
    var probed: ProbedGraph { get }
    /// The grid that the maps are on.
    func grid(of instance: GraphInstance) -> (rows: Int, columns: Int)
    /// The grid of those that ask, where it is another one.
    func queryGrid(of instance: GraphInstance) -> (rows: Int, columns: Int)
    /// Bytes that a worker takes.
    func memoryBytes(_ instance: GraphInstance) -> Int
}

extension GraphMapSource {
    package var subject: any ProbedSubject { probed }
    package var computation: String { ProbedGraph.computation }
    package var notice: String? { nil }

    func queryGrid(of instance: GraphInstance) -> (rows: Int, columns: Int) { grid(of: instance) }

    package func layout(height: Int, width: Int) throws -> InputLayout {
        try divided(height: height, width: width, by: grid)
    }

    package func queryLayout(height: Int, width: Int) throws -> InputLayout {
        try divided(height: height, width: width, by: queryGrid)
    }

    private func divided(
        height: Int, width: Int, by grid: (GraphInstance) -> (rows: Int, columns: Int)
    ) throws -> InputLayout {
        let (rows, columns) = grid(try probed.instance(height: height, width: width))
        return try probed.preprocessor.layout(height: height, width: width)
            .divided(rows: rows, columns: columns)
    }

    package func prepare(height: Int, width: Int, workers: Int, availableBytes: inout Int?) throws {
        try query.check(
            on: queryLayout(height: height, width: width), height: height, width: width, model: name)
        guard let available = availableBytes else { return }
        let bytes = memoryBytes(try probed.instance(height: height, width: width)) * workers
        guard bytes <= available else {
            throw VitvideoError(
                .usage,
                reason:
                    "\(name) takes \(byteText(bytes)) for \(workers) frames at once, and "
                    + "\(byteText(available)) are free",
                nextStep: .shrinkFrames(resolution: nil))
        }
        availableBytes = available - bytes
    }
}

extension Query {
    /// What is looked at of a matrix where nobody says.
    init(standardOf matrix: AttentionMatrix) { self = matrix.queryTokens > 0 ? .classToken : .mean }

    /// - Throws: `VitvideoError` of kind `usage` for a query that the matrix does not have.
    package func check(_ matrix: AttentionMatrix, layer: Int, of name: String) throws {
        switch self {
        case .classToken where matrix.queryTokens == 0:
            throw VitvideoError(
                .usage, reason: "\(name) has no class token in layer \(layer); its query is mean or a patch")
        case .probe:
            throw VitvideoError(
                .usage, reason: "\(name) has no probe; only models pooled by attention do, such as SigLIP's")
        case .patch, .pixel:
            guard matrix.queries != nil else {
                throw VitvideoError(
                    .usage, reason: "no patches ask in layer \(layer) of \(name); its query is mean")
            }
        default: break
        }
    }
}

extension AttentionMatrix {
    /// What a query attends to, of some heads, a map each on the grid of the keys.
    ///
    /// - Parameters:
    ///   - values: the matrix, as computed.
    ///   - layout: of the picture, on whatever grid.
    /// - Throws: `VitvideoError` of kind `usage` for a patch that is not there.
    package func maps(
        _ values: UnsafeBufferPointer<Float>, heads: [Int], query: Query, on layout: InputLayout, name: String
    ) throws -> [Plane] {
        let place = try place(of: query, on: layout, name: name)
        return heads.map { head in
            let map = place.flatMap { self.map(values, head: head, from: $0) } ?? received(values, head: head)
            return Plane(height: keys.rows, width: keys.columns, values: map)
        }
    }

    /// What asks; nil for everything.
    private func place(of query: Query, on layout: InputLayout, name: String) throws -> Place? {
        guard query != .mean, let queries else { return query == .classToken ? .token(0) : nil }
        if query == .classToken { return .token(0) }
        let own = layout.divided(rows: queries.rows, columns: queries.columns)
        guard let cell = query.cell(on: own) else { return nil }
        guard cell.row < queries.rows, cell.column < queries.columns else {
            throw VitvideoError(
                .usage,
                reason:
                    "there is no patch \(query): \(name) sees \(queries.rows) rows by \(queries.columns) columns of "
                    + "patches there, counted from 0")
        }
        return queries.place(cell.row * queries.columns + cell.column)
    }
}
