import Base
import Checkpoints
import Files
import Fixtures
import Graph
import NumPy
import Testing
import ViT

/// A tiny model of a hierarchical family with what timm computes from it (`golden_scripts/hierarchical.py`).
struct GraphGolden: Sendable, CustomStringConvertible {
    let name: String
    let family: GraphFamily
    /// Of attention. Swin V2 multiplies cosines by up to 100, and so what rounding makes of them.
    var tolerance: Float = 1e-5
    /// Whether timm has the model for another size with the same weights.
    var hasOther = true

    var description: String { name }

    static let all = [
        GraphGolden(name: "swin", family: .swin),
        GraphGolden(name: "swinv2", family: .swinV2, tolerance: 1e-4),
        GraphGolden(name: "pit", family: .pit, hasOther: false),
        GraphGolden(name: "pit_distilled", family: .pit, hasOther: false),
        GraphGolden(name: "convit", family: .convit, hasOther: false),
        GraphGolden(name: "coat_lite", family: .coat),
        GraphGolden(name: "coat_parallel", family: .coat),
        GraphGolden(name: "twins_svt", family: .twins),
        GraphGolden(name: "twins_pcpvt", family: .twins),
        GraphGolden(name: "cait", family: .cait, hasOther: false),
    ]

    static func named(_ name: String) -> GraphGolden { all.first { $0.name == name }! }

    func path(_ file: String) -> String { Fixtures.golden("graph/\(name)/\(file)").path }

    func checkpoint() throws -> Checkpoint { try Checkpoint.open(path("model.safetensors")) }

    func expected() throws -> Expected { try Expected(path("expected.npz")) }
}

/// What a golden's archive has.
struct Expected {
    private let archive: NPZReader

    init(_ path: String) throws { archive = try NPZReader(archive: ZipArchive.open(path)) }

    /// A picture, 3 × height × width.
    func input(_ prefix: String = "") throws -> (values: [Float], height: Int, width: Int) {
        let input = try archive.array(prefix + "input")
        return (try input.floats(), input.shape[2], input.shape[3])
    }

    func floats(_ name: String) throws -> [Float] { try archive.array(name).floats() }

    func target() throws -> Int { Int(try archive.array("target").int64s()[0]) }

    /// An attention matrix, heads × queries × keys, and the grids that both are of: tokens that are no part of the picture, then
    /// rows and columns; nil where there are no more.
    func attention(_ prefix: String, _ index: Int) throws -> Attention? {
        guard archive.names.contains("\(prefix)attention_\(index)") else { return nil }
        let values = try archive.array("\(prefix)attention_\(index)")
        let grid = try archive.array("\(prefix)attention_\(index)_grid").int64s().map(Int.init)
        return Attention(
            shape: values.shape, values: try values.floats(), queries: Array(grid[..<3]),
            keys: Array(grid[3...]))
    }

    struct Attention {
        let shape: [Int]
        let values: [Float]
        let queries: [Int]
        let keys: [Int]
    }
}

/// What a graph makes of a picture.
struct GraphRun {
    let matrices: [AttentionMatrix]
    let output: [Float]
    /// Of one class's logit by the picture; empty where none is asked for.
    let gradient: [Float]
    /// The values of each matrix.
    private let attention: [[Float]]

    init(_ graph: Graph, _ picture: [Float], target: Int? = nil) throws {
        let graph = try graph.prepared()
        let output = try #require(graph.output)
        matrices = AttentionMatrix.all(of: try PlacedGraph(graph)).matrices
        let plan = GraphPlan(graph, keepsAll: true)
        let work = try GraphGradient(plan, start: [output], wanted: [graph.picture], GraphContext())
        _ = work.pass.picture.update(fromContentsOf: picture)
        try work.pass.run()
        self.output = work.pass.withValues(output) { Array($0) }
        attention = matrices.map { work.pass.withValues($0.value) { Array($0) } }
        guard let target else {
            gradient = []
            return
        }
        var start = [Float](repeating: 0, count: self.output.count)
        start[target] = 1
        try work.run([GraphGradient.Start(output, start)])
        gradient = work.withGradient(graph.picture) { Array($0) }
    }

    /// A matrix by tokens: those that are no part of the picture, then the grid row by row. What a query does not see is 0.
    func attention(_ index: Int, like expected: Expected.Attention) throws -> [Float] {
        let (matrix, values) = (matrices[index], attention[index])
        let (queries, keys) = (expected.shape[1], expected.shape[2])
        #expect(matrix.heads == expected.shape[0])
        #expect([matrix.keyTokens, matrix.keys.rows, matrix.keys.columns] == expected.keys)
        // Rows of factorized attention are channels.
        let hasQueries = expected.queries != [0, 0, 0]
        #expect(matrix.hasQueries == hasQueries)
        if hasQueries {
            let grid = [matrix.queryTokens, matrix.queries?.rows ?? 0, matrix.queries?.columns ?? 0]
            #expect(grid == expected.queries)
        }
        func token(_ place: Place, _ grid: PlaceGrid?, _ prefix: Int) -> Int? {
            place.token ?? grid?.index(of: place).map { prefix + $0 }
        }
        var result = [Float](repeating: 0, count: expected.values.count)
        for head in 0..<matrix.heads {
            matrix.forEachRow { window, row, place in
                guard let query = hasQueries ? token(place, matrix.queries, matrix.queryTokens) : row else {
                    return
                }
                let start = matrix.offset(head: head, window: window, row: row)
                for column in 0..<matrix.columnCount {
                    let place = matrix.columnPlaces[window * matrix.columnCount + column]
                    if let key = token(place, matrix.keys, matrix.keyTokens) {
                        result[(head * queries + query) * keys + key] = values[start + column]
                    }
                }
            }
        }
        return result
    }
}
