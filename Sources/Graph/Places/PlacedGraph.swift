import Base

/// A graph whose tensors know what they stand for: the operators' moves, done once with places in place of values.
package struct PlacedGraph: Sendable {
    package let graph: Graph
    /// By tensor; nil where it cannot be said.
    private let places: [Places?]
    /// The first step whose output's places cannot be said though its inputs' can; nil where there is none.
    package let lostAt: Graph.Node?

    /// - Throws: `Cancellation.Cancelled`.
    package init(_ graph: Graph) throws {
        self.graph = graph
        var places = [Places?](repeating: nil, count: graph.shapes.count)
        for (index, origin) in graph.origins.enumerated() {
            switch origin {
            case .picture: places[index] = Self.pixels(graph.shapes[index])
            case .parameter: places[index] = .parameter(rank: graph.shapes[index].rank)
            case .node: break
            }
        }
        var lostAt: Graph.Node?
        for node in graph.nodes {
            try Cancellation.check()
            let inputs = node.inputs.compactMap { places[$0.index] }
            guard inputs.count == node.inputs.count else { continue }
            let output = node.operation.shape.count == 0 ? nil : node.operation.places(inputs)
            places[node.output.index] = output
            if output == nil, lostAt == nil { lostAt = node }
        }
        self.places = places
        self.lostAt = lostAt
    }

    package subscript(value: Value) -> Places? { places[value.index] }

    /// Each pixel stands for itself, in all colors.
    private static func pixels(_ shape: Shape) -> Places {
        let (height, width) = (shape[2], shape[3])
        var values: [Place] = []
        values.reserveCapacity(height * width)
        for y in 0..<height {
            for x in 0..<width { values.append(Place(rows: y..<y + 1, columns: x..<x + 1)) }
        }
        return Places(PlaceTensor(sizes: [1, 1, height, width], values: values))
    }
}
