import CKernels
import COneDNN

/// A linear layer whose product is in 8-bit integers: weights with a scale for each output, activations, which are
/// rounded on the way, with a scale for each row (Dettmers et al. 2022, "vector-wise quantization").
struct Int8Layer: LinearLayer {
    private let product: OneDNNProduct
    private let inputs: Int
    private let outputs: Int
    private let weightScales: [Float]
    /// What 128 in place of 0 adds to each output's sums.
    private let offsets: [Int32]
    private let bias: [Float]
    private let accumulates: Bool
    private let output: Storage
    private let activation: ActivationStep?

    /// Rows handled together, so that their sums stay in cache.
    private static let rowTile = 64

    /// - Throws: `VitvideoError.mathLibraryFailed`.
    init(_ linear: Linear, _ epilogue: Epilogue, output: Storage) throws {
        (inputs, outputs) = (linear.inputs, linear.outputs)
        var weights = [Int8](repeating: 0, count: inputs * outputs)
        var scales = [Float](repeating: 0, count: outputs)
        var offsets = [Int32](repeating: 0, count: outputs)
        for row in 0..<outputs {
            let values = linear.weight[row * inputs..<(row + 1) * inputs]
            let largest = values.reduce(0) { max($0, abs($1)) }
            guard largest > 0 else { continue }
            scales[row] = largest / 127
            for (column, value) in values.enumerated() {
                let rounded = Int8((value / largest * 127).rounded())
                weights[row * inputs + column] = rounded
                offsets[row] += 128 * Int32(rounded)
            }
        }
        weightScales = scales
        self.offsets = offsets
        bias = linear.bias
        accumulates = epilogue == .residual
        self.output = output
        // Undoing the rounding has added the bias already.
        activation = ActivationStep(
            epilogue, bias: [Float](repeating: 0, count: linear.outputs), storage: output)
        product = try weights.withUnsafeBytes {
            try OneDNNProduct(
                weight: $0.baseAddress, outputs: linear.outputs, inputs: linear.inputs, from: VV_DNN_UINT8,
                to: VV_DNN_INT32)
        }
    }

    /// Bytes of scratch for layers of so many inputs and outputs: a tile's sums, scales and rounded inputs.
    static func scratchBytes(inputs: Int, outputs: Int) -> Int { rowTile * (4 * outputs + 4 + inputs) }

    /// - Parameter input: in bfloat16.
    func apply(
        rows: Int, input: UnsafeRawPointer, output: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer
    ) throws {
        let sums = scratch.assumingMemoryBound(to: Int32.self)
        let scales = (scratch + Self.rowTile * outputs * 4).assumingMemoryBound(to: Float.self)
        let rounded = (scratch + Self.rowTile * (outputs + 1) * 4).assumingMemoryBound(to: UInt8.self)
        for start in stride(from: 0, to: rows, by: Self.rowTile) {
            let count = min(Self.rowTile, rows - start)
            let from = input.assumingMemoryBound(to: UInt16.self) + start * inputs
            vv_quantize_bf16(rounded, scales, from, count, inputs)
            try product(rows: count, input: rounded, output: sums)
            store(sums, scales, rows: count, to: output + start * outputs * self.output.byteCount)
        }
    }

    private func store(
        _ sums: UnsafePointer<Int32>, _ scales: UnsafePointer<Float>, rows: Int,
        to output: UnsafeMutableRawPointer
    ) {
        weightScales.withUnsafeBufferPointer { weightScales in
            offsets.withUnsafeBufferPointer { offsets in
                bias.withUnsafeBufferPointer { bias in
                    var outputs = vv_dequantization(
                        weight_scales: weightScales.baseAddress, offsets: offsets.baseAddress,
                        bias: bias.baseAddress)
                    let width = self.outputs
                    switch self.output {
                    case .float32 where accumulates:
                        vv_dequantize_add(
                            output.assumingMemoryBound(to: Float.self), sums, scales, &outputs, rows, width)
                    case .float32:
                        vv_dequantize(
                            output.assumingMemoryBound(to: Float.self), sums, scales, &outputs, rows, width)
                    case .bfloat16:
                        vv_dequantize_bf16(
                            output.assumingMemoryBound(to: UInt16.self), sums, scales, &outputs, rows, width)
                    }
                }
            }
        }
        activation?.apply(rows: rows, to: output)
    }
}
