import Base
import Glibc
import ViT

/// How a graph is computed: which tensors are kept to the end, and where in memory each lies meanwhile. Made once for a model
/// and a size, shared by all workers.
package final class GraphPlan: Sendable {
    package let graph: Graph
    /// The tensor in whose memory each lies: itself, or the one that it is another look at.
    let homes: [Int]
    let memory: MemoryPlan

    /// Bytes that a forward pass takes.
    package var memoryBytes: Int { memory.count * MemoryLayout<Float>.stride }

    /// - Parameters:
    ///   - keeping: what can be read after the pass, besides the output.
    ///   - keepsAll: whether everything can, which a backward pass needs.
    package init(_ graph: Graph, keeping: [Value] = [], keepsAll: Bool = false) {
        self.graph = graph
        var homes = Array(graph.shapes.indices)
        var lastUses = [Int](repeating: -1, count: homes.count)
        for node in graph.nodes where node.operation is Reshape {
            if case .parameter = graph.origins[node.inputs[0].index] { continue }
            homes[node.output.index] = homes[node.inputs[0].index]
        }
        for (step, node) in graph.nodes.enumerated() {
            for input in node.inputs { lastUses[homes[input.index]] = step }
            lastUses[homes[node.output.index]] = max(lastUses[homes[node.output.index]], step)
        }
        let end = graph.nodes.count
        let kept =
            keepsAll
            ? graph.shapes.indices.map { $0 } : (keeping + [graph.output].compactMap { $0 }).map(\.index)
        for value in kept { lastUses[homes[value]] = end }
        if !keepsAll {
            // A step may write over its first input where that is used no more.
            for (step, node) in graph.nodes.enumerated() where node.operation.overwrites {
                let home = homes[node.inputs[0].index]
                guard lastUses[home] == step, case .node = graph.origins[home],
                    !node.inputs.dropFirst().contains(where: { homes[$0.index] == home })
                else { continue }
                let own = homes[node.output.index]
                for index in homes.indices where homes[index] == own { homes[index] = home }
                lastUses[home] = lastUses[own]
            }
        }
        self.homes = homes
        var needs = [
            MemoryPlan.Need(
                key: graph.picture.index, count: graph.shape(graph.picture).count, from: 0,
                to: max(lastUses[graph.picture.index], 0))
        ]
        for (step, node) in graph.nodes.enumerated() where homes[node.output.index] == node.output.index {
            let index = node.output.index
            needs.append(
                MemoryPlan.Need(key: index, count: graph.shapes[index].count, from: step, to: lastUses[index])
            )
        }
        memory = MemoryPlan(needs)
    }
}

/// One worker's computation of a graph.
package final class GraphPass {
    package let plan: GraphPlan
    private let context: GraphContext
    private let memory: FloatMemory

    /// - Throws: `VitvideoError` of kind `unavailable` where the memory is not to be had.
    package init(_ plan: GraphPlan, _ context: GraphContext) throws {
        (self.plan, self.context) = (plan, context)
        memory = try FloatMemory(plan.memory.count)
    }

    /// Where the picture is to be, 3 × height × width, normalized.
    package var picture: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(
            start: address(plan.graph.picture), count: plan.graph.shape(plan.graph.picture).count)
    }

    /// Computes everything of what is in `picture`.
    ///
    /// - Throws: `VitvideoError.mathLibraryFailed`, `Cancellation.Cancelled`.
    package func run() throws {
        for node in plan.graph.nodes where node.operation.shape.count > 0 {
            try Cancellation.check()
            try withInputs(of: node) { inputs in
                try node.operation.forward(address(node.output), inputs, context)
            }
        }
    }

    /// Lends the values of a tensor that the plan keeps, or of a parameter.
    package func withValues<Result>(
        _ value: Value, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) rethrows -> Result {
        if let parameter = plan.graph.parameter(value) { return try parameter.withUnsafeBufferPointer(body) }
        return try body(UnsafeBufferPointer(start: address(value), count: plan.graph.shape(value).count))
    }

    func address(_ value: Value) -> UnsafeMutablePointer<Float> {
        memory.start + (plan.memory.offsets[plan.homes[value.index]] ?? 0)
    }

    /// Lends the addresses of what a node takes.
    func withInputs<Result>(
        of node: Graph.Node, _ body: ([UnsafePointer<Float>]) throws -> Result
    ) rethrows -> Result {
        var inputs: [UnsafePointer<Float>] = []
        inputs.reserveCapacity(node.inputs.count)
        func lend(_ index: Int) throws -> Result {
            if index == node.inputs.count { return try body(inputs) }
            let value = node.inputs[index]
            if case .parameter(let values) = plan.graph.origins[value.index] {
                return try values.withUnsafeBufferPointer {
                    inputs.append($0.baseAddress ?? UnsafePointer(memory.start))
                    return try lend(index + 1)
                }
            }
            inputs.append(UnsafePointer(address(value)))
            return try lend(index + 1)
        }
        return try lend(0)
    }
}

/// Memory for floats, aligned to whole cache lines.
final class FloatMemory {
    let start: UnsafeMutablePointer<Float>

    /// - Throws: `VitvideoError` of kind `unavailable`.
    init(_ count: Int) throws {
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, 64, max(count, 1) * MemoryLayout<Float>.stride) == 0, let memory else {
            throw VitvideoError(
                .unavailable,
                reason:
                    "there is no memory for \(count * MemoryLayout<Float>.stride) bytes of a model's tensors")
        }
        start = memory.bindMemory(to: Float.self, capacity: max(count, 1))
    }

    deinit { free(start) }
}
