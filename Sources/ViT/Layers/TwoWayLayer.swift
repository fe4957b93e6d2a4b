import CKernels

/// A linear layer without its bias in the two directions that a gradient by the input takes, on the calling thread:
/// y = x·Wᵀ and dx = dy·W, of and to 32-bit floats. Shared by all workers.
struct TwoWayLayer: Sendable {
    let linear: Linear
    private let product: MatrixProduct
    private let packed: (forward: Packed, backward: Packed)?

    /// Rows multiplied at once by packed weights, at most: their inputs and outputs stay in the second-level cache. OpenBLAS
    /// packs the weights for every product, so that it wants many rows.
    static let packedRowTile = 88

    /// The product in one direction: each has a layout of its own.
    private struct Packed: Sendable {
        private let layer: any LinearLayer
        private let storage: Storage
        private let outputs: Int
        private let inputs: Int

        /// - Parameters:
        ///   - linear: without bias.
        ///   - precision: what the factors of the product are in.
        init(_ linear: Linear, _ backend: any Backend, _ precision: Precision) throws {
            (storage, outputs, inputs) = (precision.storage, linear.outputs, linear.inputs)
            layer = try backend.makeLayer(linear, .bias, precision, output: .float32)
        }

        private func product(
            rows: Int, input: UnsafeRawPointer, output: UnsafeMutablePointer<Float>
        ) throws {
            // Layers in 8-bit integers alone use their scratch.
            try layer.apply(rows: rows, input: input, output: output, scratch: output)
        }

        func callAsFunction(
            _ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int
        ) throws {
            let tiles = RowTiles(rows: rows, most: TwoWayLayer.packedRowTile)
            switch storage {
            case .float32:
                for (start, count) in tiles {
                    try product(rows: count, input: x + start * inputs, output: y + start * outputs)
                }
            case .bfloat16:
                let bytes = tiles.most * inputs * storage.byteCount
                try withUnsafeTemporaryAllocation(byteCount: bytes, alignment: 64) { buffer in
                    let rounded = buffer.bindMemory(to: UInt16.self).baseAddress!
                    for (start, count) in tiles {
                        vv_round_bf16(rounded, x + start * inputs, count * inputs)
                        try product(rows: count, input: rounded, output: y + start * outputs)
                    }
                }
            }
        }
    }

    /// - Parameters:
    ///   - backend: where it packs weights, it multiplies by copies of them, and else OpenBLAS by the weights as they are.
    ///   - precision: what packed weights and what they multiply are rounded to; not int8.
    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError.mathLibraryFailed`.
    init(_ linear: Linear, _ backend: any Backend, _ precision: Precision) throws {
        self.linear = linear
        product = try MatrixProduct()
        guard backend.packsWeights else {
            packed = nil
            return
        }
        let (outputs, inputs) = (linear.outputs, linear.inputs)
        // dx = dy·W is the layer of the weight Wᵀ.
        let transposed = [Float](unsafeUninitializedCapacity: linear.weight.count) { values, count in
            vv_transpose(values.baseAddress!, linear.weight, outputs, inputs, inputs)
            count = linear.weight.count
        }
        packed = (
            try Packed(
                Linear(outputs: outputs, inputs: inputs, weight: linear.weight, bias: []), backend, precision),
            try Packed(
                Linear(outputs: inputs, inputs: outputs, weight: transposed, bias: []), backend, precision)
        )
    }

    /// y = x·Wᵀ.
    ///
    /// - Parameters:
    ///   - y: `rows × outputs`.
    ///   - x: `rows × inputs`.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func forward(_ y: UnsafeMutablePointer<Float>, _ x: UnsafePointer<Float>, rows: Int) throws {
        if let packed { return try packed.forward(y, x, rows: rows) }
        product(
            y, stride: linear.outputs, x, stride: linear.inputs, linear.weight, stride: linear.inputs,
            bTransposed: true, m: rows, n: linear.outputs, k: linear.inputs)
    }

    /// dx = dy·W.
    ///
    /// - Parameters:
    ///   - dx: `rows × inputs`.
    ///   - dy: `rows × outputs`.
    /// - Throws: `VitvideoError.mathLibraryFailed`.
    func backward(_ dx: UnsafeMutablePointer<Float>, _ dy: UnsafePointer<Float>, rows: Int) throws {
        if let packed { return try packed.backward(dx, dy, rows: rows) }
        product(
            dx, stride: linear.inputs, dy, stride: linear.outputs, linear.weight, stride: linear.inputs,
            bTransposed: false, m: rows, n: linear.inputs, k: linear.outputs)
    }
}
