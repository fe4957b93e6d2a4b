import Foundation

@testable import ViT

/// A Vision Transformer written out naively in double precision, after the definitions in the papers: what
/// the fast passes are compared with.
struct NaiveTransformer {
    typealias Rows = [[Double]]

    let c: Configuration
    /// Under canonical names.
    let tensors: [String: [Double]]
    let rows: Int
    let columns: Int

    /// Everything that is compared.
    struct Trace {
        /// What goes into the first block.
        var embedding: Rows = []
        /// By block, then head: `tokens × tokens`.
        var attention: [[Rows]] = []
        /// By block: queries, keys and values before any rotation.
        var qkv: [Rows] = []
        /// By block: the feed-forward part's hidden values after the activation.
        var hidden: [Rows] = []
        /// After each block.
        var blocks: [Rows] = []
        /// After the final LayerNorm.
        var norm: Rows = []
        var logits: [Double] = []
        /// By head: over the patches.
        var probeAttention: Rows = []
    }

    /// An entry of a block's attention that is moved after the softmax.
    struct Nudge {
        let block: Int
        let head: Int
        let row: Int
        let column: Int
        let amount: Double
    }

    /// An entry of the probe's attention that is moved after the softmax.
    var probeNudge: (head: Int, patch: Int, amount: Double)?

    private var d: Int { c.width }
    private var tokens: Int { c.prefix.count + rows * columns }

    /// - Parameter planes: `3 × rows·patch × columns·patch`.
    func run(_ planes: [Double], nudge: Nudge? = nil) -> Trace {
        var trace = Trace()
        var x = embedding(planes)
        trace.embedding = x
        for block in 0..<c.depth {
            let step = run(block, x, nudge: nudge?.block == block ? nudge : nil)
            trace.attention.append(step.attention)
            trace.qkv.append(step.qkv)
            trace.hidden.append(step.hidden)
            trace.blocks.append(step.output)
            x = step.output
        }
        x = finished(x)
        trace.norm = x
        if c.classes > 0 || c.pooling == .attentionProbe {
            var pooled = pool(x, &trace)
            if c.hasPoolingNorm { pooled = norm([pooled], "fc_norm")[0] }
            if c.classes > 0 { trace.logits = linear([pooled], "head")[0] }
        }
        return trace
    }

    /// One block by itself.
    func run(_ block: Int, _ x: Rows, nudge: Nudge? = nil)
        -> (output: Rows, attention: [Rows], qkv: Rows, hidden: Rows)
    {
        let name = "blocks.\(block)."
        let (attended, attention, qkv) = attend(x, name, nudge: nudge)
        let output = c.normalizesAttention ? norm(attended, name + "attn.norm") : attended
        let x = sum(x, scaled(linear(output, name + "attn.proj"), name + "ls1.gamma"))
        let hidden = hidden(norm(x, name + "norm2"), name)
        let inner = c.normalizesHidden ? norm(hidden, name + "mlp.norm") : hidden
        return (sum(x, scaled(linear(inner, name + secondLayer), name + "ls2.gamma")), attention, qkv, hidden)
    }

    /// The final norm, where there is one.
    func finished(_ x: Rows) -> Rows { c.hasFinalNorm ? norm(x, "norm") : x }

    // MARK: Embedding

    func embedding(_ planes: [Double]) -> Rows {
        var x: Rows = []
        for (name, count) in [
            ("cls_token", c.prefix.hasClassToken ? 1 : 0),
            ("dist_token", c.prefix.hasDistillationToken ? 1 : 0),
            ("register_tokens", c.prefix.registers),
        ] {
            for i in 0..<count { x.append(Array(tensors[name]![i * d..<(i + 1) * d])) }
        }
        x += linear(patches(planes), "patch_embed.proj")
        switch c.position {
        case .learned(let coversPrefix):
            precondition(rows == c.nativeRows && columns == c.nativeColumns, "the twin does not interpolate")
            let table = tensors["pos_embed"]!
            let positioned = coversPrefix ? x.count - rows * columns - c.prefix.registers : 0
            for entry in 0..<table.count / d {
                // Registers lie between the positioned tokens and the patches.
                let token = entry < positioned ? entry : entry - positioned + c.prefix.count
                for i in 0..<d { x[token][i] += table[entry * d + i] }
            }
        case .sineCosine:
            for row in 0..<rows {
                for column in 0..<columns {
                    for i in 0..<d {
                        // Quarters: sine and cosine of the column, sine and cosine of the row.
                        let quarter = d / 4
                        let omega = 1 / pow(10_000, Double(i % quarter) / Double(quarter))
                        let angle = Double(i < d / 2 ? column : row) * omega
                        x[c.prefix.count + row * columns + column][i] +=
                            i / quarter % 2 == 0 ? sin(angle) : cos(angle)
                    }
                }
            }
        case .none: break
        }
        return c.normalizesBeforeBlocks ? norm(x, "norm_pre") : x
    }

    /// Each patch in the order channel, row, column.
    private func patches(_ planes: [Double]) -> Rows {
        let side = c.patchSize
        var result: Rows = []
        for row in 0..<rows {
            for column in 0..<columns {
                var patch: [Double] = []
                for channel in 0..<3 {
                    for y in 0..<side {
                        for x in 0..<side {
                            let line = channel * rows * side + row * side + y
                            patch.append(planes[line * columns * side + column * side + x])
                        }
                    }
                }
                result.append(patch)
            }
        }
        return result
    }

    // MARK: Blocks

    private func attend(_ x: Rows, _ name: String, nudge: Nudge?)
        -> (output: Rows, attention: [Rows], qkv: Rows)
    {
        let normalized = norm(x, name + "norm1")
        let weight = tensors[name + "attn.qkv.weight"]!
        var stored = tensors[name + "attn.qkv.bias"] ?? []
        var bias: [Double] = []
        for third in [QKVBias.queries, .keys, .values] {
            if c.qkvBias.contains(third) {
                bias += stored.prefix(d)
                stored.removeFirst(d)
            } else {
                bias += [Double](repeating: 0, count: d)
            }
        }
        let qkv = product(normalized, weight, outputs: 3 * d, bias: bias)
        let width = c.headWidth
        var output = Rows(repeating: [Double](repeating: 0, count: d), count: tokens)
        var all: [Rows] = []
        for head in 0..<c.heads {
            func part(_ third: Int) -> Rows {
                qkv.map { Array($0[third * d + head * width..<third * d + (head + 1) * width]) }
            }
            func normed(_ x: Rows, _ norm: String) -> Rows {
                c.normalizesQueriesAndKeys ? self.norm(x, name + norm) : x
            }
            let q = rotated(normed(part(0), "attn.q_norm"))
            let k = rotated(normed(part(1), "attn.k_norm"))
            let v = part(2)
            var attention = q.indices.map { i in
                softmax(
                    k.indices.map { j in
                        dot(q[i], k[j]) / Double(width).squareRoot()
                            + shift(name, head: head, query: i, key: j)
                    })
            }
            if let nudge, nudge.head == head { attention[nudge.row][nudge.column] += nudge.amount }
            for token in 0..<tokens {
                for other in 0..<tokens {
                    for i in 0..<width {
                        output[token][head * width + i] += attention[token][other] * v[other][i]
                    }
                }
            }
            all.append(attention)
        }
        return (output, all, qkv)
    }

    /// BEiT's table by its index: distances between patches, then class token to patch, patch to class token and class
    /// token to itself.
    private func shift(_ name: String, head: Int, query: Int, key: Int) -> Double {
        let table: [Double]
        switch c.relativePositions {
        case nil: return 0
        case .perBlock: table = tensors[name + "attn.relative_position_bias_table"]!
        case .shared: table = tensors["rel_pos_bias.relative_position_bias_table"]!
        }
        precondition(rows == c.nativeRows && columns == c.nativeColumns, "the twin does not interpolate")
        let entries = table.count / c.heads
        let index: Int
        switch (query, key) {
        case (0, 0): index = entries - 1
        case (0, _): index = entries - 3
        case (_, 0): index = entries - 2
        default:
            let rowDistance = (query - 1) / columns - (key - 1) / columns
            let columnDistance = (query - 1) % columns - (key - 1) % columns
            index = (rowDistance + rows - 1) * (2 * columns - 1) + columnDistance + columns - 1
        }
        return table[index * c.heads + head]
    }

    /// Rotary embeddings as in the original codes. DINOv3: coordinates of patch centers in (−1, 1), angles of the rows
    /// and then of the columns, the same once more, x · cos + rotate_half(x) · sin. EVA-02: coordinates in patches of a
    /// reference grid, every angle twice in a row, and rotate_half takes neighbors.
    private func rotated(_ x: Rows) -> Rows {
        guard let rotary = c.rotary else { return x }
        var result = x
        let (width, quarter) = (c.headWidth, c.headWidth / 4)
        for row in 0..<rows {
            for column in 0..<columns {
                var angles: [Double] = []
                for (index, count) in [(row, rows), (column, columns)] {
                    for k in 0..<quarter {
                        let period = pow(Double(rotary.base), 2 * Double(k) / Double(width / 2))
                        switch rotary.coordinates {
                        case .centered:
                            angles.append(2 * .pi * (2 * (Double(index) + 0.5) / Double(count) - 1) / period)
                        case .reference(let side):
                            angles.append(Double(index) / Double(count) * Double(side) / period)
                        }
                    }
                }
                let token = c.prefix.count + row * columns + column
                let half: [Double]
                switch rotary.pairs {
                case .halves:
                    angles += angles
                    half = x[token][(width / 2)...].map { -$0 } + x[token][..<(width / 2)]
                case .neighbors:
                    angles = angles.flatMap { [$0, $0] }
                    let row = x[token]
                    half = (0..<width).map { i in
                        if i % 2 == 0 { return -row[i + 1] }
                        return row[i - 1]
                    }
                }
                for i in 0..<width {
                    result[token][i] = x[token][i] * cos(angles[i]) + half[i] * sin(angles[i])
                }
            }
        }
        return result
    }

    private var secondLayer: String { c.activation == .swiglu ? "mlp.w3" : "mlp.fc2" }

    private func hidden(_ x: Rows, _ name: String) -> Rows {
        linear(x, name + (c.activation == .swiglu ? "mlp.w12" : "mlp.fc1")).map(activated)
    }

    private func feedForward(_ x: Rows, _ name: String) -> Rows {
        linear(hidden(x, name), name + secondLayer)
    }

    private func activated(_ h: [Double]) -> [Double] {
        func sigmoid(_ v: Double) -> Double { 1 / (1 + exp(-v)) }
        switch c.activation {
        case .gelu: return h.map { $0 * (1 + erf($0 / 2.0.squareRoot())) / 2 }
        case .geluTanh:
            let factor = (2 / Double.pi).squareRoot()
            return h.map { $0 * (1 + tanh(factor * ($0 + 0.044715 * $0 * $0 * $0))) / 2 }
        case .quickGELU: return h.map { $0 * sigmoid(1.702 * $0) }
        case .swiglu:
            let half = h.count / 2
            return (0..<half).map { h[$0] * sigmoid(h[$0]) * h[half + $0] }
        }
    }

    // MARK: Pooling

    private func pool(_ x: Rows, _ trace: inout Trace) -> [Double] {
        let patches = Array(x[c.prefix.count...])
        switch c.pooling {
        case .classToken: return x[0]
        case .meanPatch:
            return (0..<d).map { i in patches.reduce(0) { $0 + $1[i] } / Double(patches.count) }
        case .attentionProbe:
            let q = linear([tensors["attn_pool.latent"]!], "attn_pool.in_proj")[0][..<d]
            let kv = linear(patches, "attn_pool.in_proj").map { Array($0[d...]) }
            var output: [Double] = []
            for head in 0..<c.heads {
                let range = head * c.headWidth..<(head + 1) * c.headWidth
                var weights = softmax(
                    kv.map { row in
                        range.reduce(0) { $0 + q[$1] * row[$1] } / Double(c.headWidth).squareRoot()
                    })
                trace.probeAttention.append(weights)
                if let probeNudge, probeNudge.head == head { weights[probeNudge.patch] += probeNudge.amount }
                output += range.map { i in zip(weights, kv).reduce(0) { $0 + $1.0 * $1.1[d + i] } }
            }
            let attended = linear([output], "attn_pool.proj")
            return sum(attended, feedForward(norm(attended, "attn_pool.norm"), "attn_pool."))[0]
        }
    }

    // MARK: Parts

    private func linear(_ x: Rows, _ name: String) -> Rows {
        let weight = tensors[name + ".weight"]!
        let outputs = weight.count / x[0].count
        return product(
            x, weight, outputs: outputs,
            bias: tensors[name + ".bias"] ?? [Double](repeating: 0, count: outputs))
    }

    private func product(_ x: Rows, _ weight: [Double], outputs: Int, bias: [Double]) -> Rows {
        x.map { row in
            (0..<outputs).map { output in
                var total = bias[output]
                for i in 0..<row.count { total += weight[output * row.count + i] * row[i] }
                return total
            }
        }
    }

    private func norm(_ x: Rows, _ name: String) -> Rows {
        let (gamma, beta) = (tensors[name + ".weight"]!, tensors[name + ".bias"]!)
        return x.map { row in
            let mean = row.reduce(0, +) / Double(row.count)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(row.count)
            let deviation = (variance + Double(c.layerNormEpsilon)).squareRoot()
            return row.indices.map { (row[$0] - mean) / deviation * gamma[$0] + beta[$0] }
        }
    }

    private func softmax(_ scores: [Double]) -> [Double] {
        let largest = scores.max()!
        let values = scores.map { exp($0 - largest) }
        let total = values.reduce(0, +)
        return values.map { $0 / total }
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private func sum(_ a: Rows, _ b: Rows) -> Rows { zip(a, b).map { zip($0, $1).map(+) } }

    private func scaled(_ x: Rows, _ name: String) -> Rows {
        guard let scale = tensors[name] else { return x }
        return x.map { zip($0, scale).map(*) }
    }
}
