import Base
import ViT

/// One worker's forward and backward pass: the gradient of a number by tensors of a graph.
package final class GraphGradient {
    /// A tensor, and the gradient of the number by it.
    package struct Start {
        package let value: Value
        /// As many as the tensor has values.
        package let gradient: [Float]

        package init(_ value: Value, _ gradient: [Float]) { (self.value, self.gradient) = (value, gradient) }
    }

    /// The forward pass, everything kept.
    package let pass: GraphPass
    private let context: GraphContext
    private let wanted: [Value]
    /// Which tensors the number's gradient is needed by, and where it lies.
    private let isNeeded: [Bool]
    private let memoryPlan: MemoryPlan
    private let memory: FloatMemory

    /// - Parameters:
    ///   - plan: one that keeps everything.
    ///   - start: tensors that the number is computed of.
    ///   - wanted: what the gradient is wanted by.
    /// - Throws: `VitvideoError` of kind `unavailable` where memory is not to be had.
    package init(_ plan: GraphPlan, start: [Value], wanted: [Value], _ context: GraphContext) throws {
        pass = try GraphPass(plan, context)
        self.context = context
        self.wanted = wanted
        (isNeeded, memoryPlan) = Self.plan(plan, start: start, wanted: wanted)
        memory = try FloatMemory(memoryPlan.count)
    }

    /// Bytes of forward and backward pass together.
    package static func memoryBytes(_ plan: GraphPlan, start: [Value], wanted: [Value]) -> Int {
        plan.memoryBytes + Self.plan(plan, start: start, wanted: wanted).1.count * MemoryLayout<Float>.stride
    }

    private static func plan(
        _ plan: GraphPlan, start: [Value], wanted: [Value]
    ) -> ([Bool], MemoryPlan) {
        let (graph, homes) = (plan.graph, plan.homes)
        var follows = [Bool](repeating: false, count: homes.count)
        for value in wanted { follows[homes[value.index]] = true }
        for node in graph.nodes where node.inputs.contains(where: { follows[homes[$0.index]] }) {
            follows[homes[node.output.index]] = true
        }
        var leads = [Bool](repeating: false, count: homes.count)
        for value in start { leads[homes[value.index]] = true }
        for node in graph.nodes.reversed() where leads[homes[node.output.index]] {
            for input in node.inputs { leads[homes[input.index]] = true }
        }
        let isNeeded = homes.map { follows[$0] && leads[$0] }
        // Steps of the backward pass are counted from the end of the graph.
        let end = graph.nodes.count
        var (first, last) = ([Int: Int](), [Int: Int]())
        for value in start { first[homes[value.index]] = 0 }
        for (step, node) in graph.nodes.enumerated() {
            let time = end - step
            for input in node.inputs where isNeeded[input.index] {
                first[homes[input.index]] = min(first[homes[input.index]] ?? .max, time)
            }
            let home = homes[node.output.index]
            last[home] = max(last[home] ?? 0, time)
        }
        for value in wanted + [graph.picture] { last[homes[value.index]] = end + 1 }
        let needs = first.keys.sorted().filter { isNeeded[$0] }.map {
            MemoryPlan.Need(
                key: $0, count: graph.shapes[$0].count, from: first[$0] ?? 0, to: last[$0] ?? end + 1)
        }
        return (isNeeded, MemoryPlan(needs))
    }

    /// The backward pass; a forward pass has gone before.
    ///
    /// - Throws: `VitvideoError.mathLibraryFailed`, `Cancellation.Cancelled`.
    package func run(_ starts: [Start]) throws {
        let (graph, homes) = (pass.plan.graph, pass.plan.homes)
        var isBegun = Set<Int>()
        /// The gradient's memory, cleared at its first use; nil where it is not needed.
        func gradient(_ value: Value) -> UnsafeMutablePointer<Float>? {
            let home = homes[value.index]
            guard isNeeded[home], let offset = memoryPlan.offsets[home] else { return nil }
            let address = memory.start + offset
            if isBegun.insert(home).inserted { address.update(repeating: 0, count: graph.shapes[home].count) }
            return address
        }
        for start in starts {
            guard let to = gradient(start.value) else { continue }
            for i in start.gradient.indices { to[i] += start.gradient[i] }
        }
        for node in graph.nodes.reversed() {
            let home = homes[node.output.index]
            guard isNeeded[home], isBegun.contains(home), node.operation.shape.count > 0 else { continue }
            // Another look at the same memory: gradients are one, too.
            if node.inputs.contains(where: { homes[$0.index] == home }) { continue }
            try Cancellation.check()
            guard let outGradient = gradient(node.output) else { continue }
            let gradients = node.inputs.map { gradient($0) }
            if gradients.allSatisfy({ $0 == nil }) { continue }
            try pass.withInputs(of: node) { inputs in
                let call = BackwardCall(
                    outGradient: outGradient, out: pass.address(node.output), inputs: inputs)
                try node.operation.backward(gradients, call, context)
            }
        }
        for value in wanted { _ = gradient(value) }
    }

    /// Lends the gradient by one of `wanted`.
    package func withGradient<Result>(
        _ value: Value, _ body: (UnsafeBufferPointer<Float>) throws -> Result
    ) rethrows -> Result {
        let home = pass.plan.homes[value.index]
        let count = pass.plan.graph.shape(value).count
        guard isNeeded[home], let offset = memoryPlan.offsets[home] else {
            return try [Float](repeating: 0, count: count).withUnsafeBufferPointer(body)
        }
        return try body(UnsafeBufferPointer(start: memory.start + offset, count: count))
    }
}
