import Pixels
import ViT

/// Attention flow (Abnar & Zuidema 2020): how much could flow from the class token through some blocks to each patch, the
/// blocks' attention being the capacities.
///
/// Â = (mean over heads + I)/2 with rows normalized. The tokens that the last of the blocks puts out, those between two
/// blocks and those that the first takes in are nodes; from token i behind a block an edge of capacity Â[i][j] leads to
/// token j before it. A patch's value is the maximum flow to it from the class token behind the last block, found for
/// each patch alone; the map is divided by its sum over the patches. In a model without a class token the flow begins at
/// several tokens, of which each supplies its share of `RolloutStart`.
///
/// Exact up to the rounding of capacities to 2⁻³⁰. One a worker; buffers are kept between pictures of one size.
package final class AttentionFlow {
    package let blocks: Range<Int>
    private let replay: AttentionReplay
    private var kept: (tokens: Int, flow: LayeredFlow)?
    private var fused: [Float] = []

    /// - Precondition: there is a block, and the model has them all.
    package init(pass: ForwardPass, blocks: Range<Int>, stripRows: Int = AttentionStrip.usualRows) {
        precondition(
            !blocks.isEmpty && blocks.lowerBound >= 0
                && blocks.upperBound <= pass.model.configuration.depth)
        self.blocks = blocks
        replay = AttentionReplay(pass: pass, stripRows: stripRows)
    }

    /// - Parameters:
    ///   - input: normalized patches of one picture.
    ///   - request: what else the forward pass should give back.
    /// - Returns: the map, `rows × columns`, its sum 1, or all 0 where nothing flows; and the pass's result.
    /// - Throws: as `ForwardPass.run`.
    package func run(
        _ input: PatchMatrix, _ request: ForwardRequest = ForwardRequest(attentionBlocks: [])
    ) throws -> (map: Plane, result: ForwardResult) {
        let (flows, result) = try patchFlows(input, request)
        let sum = flows.reduce(0, +)
        let values = flows.map { sum > 0 ? Float($0 / sum) : 0 }
        return (Plane(height: input.rows, width: input.columns, values: values), result)
    }

    /// - Returns: the flow to each patch, at most 1; and the pass's result.
    /// - Throws: as `ForwardPass.run`.
    package func patchFlows(
        _ input: PatchMatrix, _ request: ForwardRequest = ForwardRequest(attentionBlocks: [])
    ) throws -> (flows: [Double], result: ForwardResult) {
        let c = replay.pass.model.configuration
        let tokens = c.specialTokens + input.rows * input.columns
        let sources = Self.sources(c, tokens: tokens)
        var request = request
        // What the probe pools is behind the last block.
        let wantsProbe =
            c.pooling == .attentionProbe && !c.prefix.hasClassToken && blocks.upperBound == c.depth
        request.wantsProbeAttention = request.wantsProbeAttention || wantsProbe
        let result = try replay.record(input, request)
        let flow: LayeredFlow
        if let kept, kept.tokens == tokens {
            flow = kept.flow
        } else {
            kept = nil
            flow = LayeredFlow(
                graph: LayeredGraph(tokens: tokens, levels: blocks.count, sources: sources))
            fused = [Float](repeating: 0, count: min(replay.stripRows, tokens) * tokens)
            kept = (tokens, flow)
        }
        for block in blocks { try setCapacities(of: block, in: flow.graph) }
        let probe = wantsProbe ? result.probeAttention?.values ?? [] : []
        let start = RolloutStart.row(c, tokens: tokens, probe: probe, fusion: .mean)
        flow.begin(supplies: start[sources])
        let flows = try (c.specialTokens..<tokens).map {
            Double(try flow.maximum(to: $0)) / Double(LayeredGraph.unit)
        }
        return (flows, result)
    }

    /// The tokens behind the last block that flow begins at.
    static func sources(_ c: Configuration, tokens: Int) -> Range<Int> {
        c.prefix.hasClassToken ? 0..<1 : c.specialTokens..<tokens
    }

    /// Makes a block's attention the capacities of its edges.
    private func setCapacities(of block: Int, in graph: LayeredGraph) throws {
        let (level, heads) = (block - blocks.lowerBound, replay.pass.model.configuration.heads)
        try replay.show(block: block) { strip in
            fused.withUnsafeMutableBufferPointer { fused in
                guard let to = fused.baseAddress, let from = strip.values.baseAddress else { return }
                let count = strip.rows * strip.tokens
                if strip.head == 0 {
                    to.update(from: from, count: count)
                } else {
                    for i in 0..<count { to[i] += from[i] }
                }
                guard strip.head == heads - 1 else { return }
                for row in 0..<strip.rows {
                    // Of the sum over heads; the identity then counts `heads` times.
                    let values = UnsafeBufferPointer(start: to + row * strip.tokens, count: strip.tokens)
                    let sum = VectorSum.of(to + row * strip.tokens, count: strip.tokens) + Float(heads)
                    graph.setEdges(
                        level: level, token: strip.firstRow + row, values, plus: Float(heads), times: 1 / sum)
                }
            }
        }
    }
}
