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

    private var d: Int { c.width }
    private var tokens: Int { c.prefix.count + rows * columns }

    /// - Parameter planes: `3 × rows·patch × columns·patch`.
    func run(_ planes: [Double], nudge: Nudge? = nil) -> Trace {
        var trace = Trace()
        var x = embedding(planes)
        trace.embedding = x
        for block in 0..<c.depth {
            let name = "blocks.\(block)."
            let (attended, attention, qkv) = attend(x, name, nudge: nudge?.block == block ? nudge : nil)
            trace.attention.append(attention)
            trace.qkv.append(qkv)
            x = sum(x, scaled(linear(attended, name + "attn.proj"), name + "ls1.gamma"))
            let hidden = hidden(norm(x, name + "norm2"), name)
            trace.hidden.append(hidden)
            x = sum(x, scaled(linear(hidden, name + secondLayer), name + "ls2.gamma"))
            trace.blocks.append(x)
        }
        x = norm(x, "norm")
        trace.norm = x
        if c.classes > 0 || c.pooling == .attentionProbe {
            let pooled = pool(x, &trace)
            if c.classes > 0 { trace.logits = linear([pooled], "head")[0] }
        }
        return trace
    }

    // MARK: Embedding

    private func embedding(_ planes: [Double]) -> Rows {
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
        case .rotary, .none: break
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
            let (q, k, v) = (rotated(part(0)), rotated(part(1)), part(2))
            var attention = q.map { query in softmax(k.map { dot(query, $0) / Double(width).squareRoot() }) }
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

    /// DINOv3's rotary embedding as in its code: coordinates of patch centers in (−1, 1), angles of the rows
    /// and then of the columns, the same once more, x · cos + rotate_half(x) · sin.
    private func rotated(_ x: Rows) -> Rows {
        guard case .rotary(let base) = c.position else { return x }
        var result = x
        let (width, quarter) = (c.headWidth, c.headWidth / 4)
        for row in 0..<rows {
            for column in 0..<columns {
                let y = 2 * ((Double(row) + 0.5) / Double(rows)) - 1
                let z = 2 * ((Double(column) + 0.5) / Double(columns)) - 1
                var angles: [Double] = []
                for coordinate in [y, z] {
                    for k in 0..<quarter {
                        let period = pow(Double(base), 2 * Double(k) / Double(width / 2))
                        angles.append(2 * .pi * coordinate / period)
                    }
                }
                angles += angles
                let token = c.prefix.count + row * columns + column
                let half = x[token][(width / 2)...].map { -$0 } + x[token][..<(width / 2)]
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
            let q = linear([tensors["attn_pool.latent"]!], "attn_pool.q")[0]
            let kv = linear(patches, "attn_pool.kv")
            var output: [Double] = []
            for head in 0..<c.heads {
                let range = head * c.headWidth..<(head + 1) * c.headWidth
                let weights = softmax(
                    kv.map { row in
                        range.reduce(0) { $0 + q[$1] * row[$1] } / Double(c.headWidth).squareRoot()
                    })
                trace.probeAttention.append(weights)
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
            let mean = row.reduce(0, +) / Double(d)
            let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(d)
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
