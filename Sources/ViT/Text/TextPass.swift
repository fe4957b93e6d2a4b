import CKernels

/// A forward pass of texts through a text tower, in 32-bit floats. The tokens of all texts are rows of one matrix, and
/// each text attends to itself alone.
final class TextPass {
    private let c: Configuration
    private let lengths: [Int]
    private let isCausal: Bool
    private let product: MatrixProduct
    private let rows: Int
    /// `rows × D`.
    private let x: FloatBuffer
    private let normalized: FloatBuffer
    private let output: FloatBuffer
    /// `rows × 3D`.
    private let qkv: FloatBuffer
    private let hidden: FloatBuffer
    /// `longest text × longest text`.
    private let scores: FloatBuffer

    init(configuration: Configuration, lengths: [Int], isCausal: Bool, product: MatrixProduct) {
        c = configuration
        self.lengths = lengths
        self.isCausal = isCausal
        self.product = product
        rows = lengths.reduce(0, +)
        let longest = lengths.max() ?? 0
        x = FloatBuffer(rows * c.width)
        normalized = FloatBuffer(rows * c.width)
        output = FloatBuffer(rows * c.width)
        qkv = FloatBuffer(rows * 3 * c.width)
        hidden = FloatBuffer(rows * c.feedForwardWidth)
        scores = FloatBuffer(longest * longest)
    }

    /// - Parameters:
    ///   - embedding: `vocabulary × D`.
    ///   - positions: `length × D`.
    func embed(_ texts: [[Int]], embedding: [Float], positions: [Float]) {
        var row = 0
        for text in texts {
            for (position, token) in text.enumerated() {
                for i in 0..<c.width {
                    x.start[row * c.width + i] =
                        embedding[token * c.width + i] + positions[position * c.width + i]
                }
                row += 1
            }
        }
    }

    /// x += proj(attention(LayerNorm(x))), x += fc2(activation(fc1(LayerNorm(x)))).
    func run(_ block: BlockWeights) {
        normalize(block.norm1)
        apply(block.qkv, normalized, to: qkv)
        attend()
        apply(block.proj, output, to: normalized)
        add(normalized)

        normalize(block.norm2)
        multiply(block.fc1, normalized, to: hidden)
        c.activation.apply(to: hidden.start, in: .float32, bias: block.fc1.bias, rows: rows)
        apply(block.fc2, hidden, to: output)
        add(output)
    }

    /// The last token of each text, normed and projected, `texts × outputs`.
    func project(_ norm: Norm, _ layer: Linear) -> [Float] {
        normalize(norm)
        var end = 0
        return lengths.flatMap { length -> [Float] in
            end += length
            var values = layer.bias
            product(
                &values, stride: layer.outputs, normalized.start + (end - 1) * c.width, stride: c.width,
                layer.weight, stride: c.width, bTransposed: true, m: 1, n: layer.outputs, k: c.width, beta: 1)
            return values
        }
    }

    // MARK: Parts

    private func attend() {
        let (d, width) = (c.width, c.headWidth)
        let scale = 1 / Float(width).squareRoot()
        var first = 0
        for length in lengths {
            for head in 0..<c.heads {
                let q = qkv.start + first * 3 * d + head * width
                product(
                    scores.start, stride: length, q, stride: 3 * d, q + d, stride: 3 * d, bTransposed: true,
                    m: length, n: length, k: width)
                if isCausal {
                    for row in 0..<length {
                        let start = scores.start + row * length
                        vv_softmax_rows(start, 1, row + 1, length, scale)
                        for column in (row + 1)..<max(length, row + 1) { start[column] = 0 }
                    }
                } else {
                    vv_softmax_rows(scores.start, length, length, length, scale)
                }
                product(
                    output.start + first * d + head * width, stride: d, scores.start, stride: length,
                    q + 2 * d, stride: 3 * d, bTransposed: false, m: length, n: width, k: length)
            }
            first += length
        }
    }

    private func normalize(_ norm: Norm) {
        vv_layer_norm(normalized.start, x.start, norm.gamma, norm.beta, rows, c.width, c.layerNormEpsilon)
    }

    /// y = x · Wᵀ.
    private func multiply(_ layer: Linear, _ x: FloatBuffer, to y: FloatBuffer) {
        product(
            y.start, stride: layer.outputs, x.start, stride: layer.inputs, layer.weight, stride: layer.inputs,
            bTransposed: true, m: rows, n: layer.outputs, k: layer.inputs)
    }

    private func apply(_ layer: Linear, _ x: FloatBuffer, to y: FloatBuffer) {
        multiply(layer, x, to: y)
        vv_add_bias(y.start, layer.bias, rows, layer.outputs)
    }

    private func add(_ branch: FloatBuffer) {
        for i in 0..<rows * c.width { x.start[i] += branch.start[i] }
    }
}
