import CKernels
import COneDNN

/// A linear layer without its bias in the two directions that a gradient by the input takes, on the calling thread:
/// y = x·Wᵀ and dx = dy·W, of and to 32-bit floats. Shared by all workers.
struct TwoWayLayer: Sendable {
    let linear: Linear
    private let product: MatrixProduct
    private let packed: (forward: Packed, backward: Packed)?

    /// Rows multiplied at once by oneDNN, at most: their inputs and outputs stay in the second-level cache. OpenBLAS
    /// packs the weights for every product, so that it wants many rows.
    static let packedRowTile = 88

    /// oneDNN's product in one direction: each has a layout of its own.
    private struct Packed: Sendable {
        private let product: OneDNNProduct
        private let storage: Storage
        private let outputs: Int
        private let inputs: Int

        /// - Parameters:
        ///   - weight: `outputs × inputs`.
        ///   - storage: what the factors of the product are in.
        init(_ weight: UnsafeRawPointer?, outputs: Int, inputs: Int, _ storage: Storage) throws {
            (self.storage, self.outputs, self.inputs) = (storage, outputs, inputs)
            product = try OneDNNProduct(
                weight: weight, outputs: outputs, inputs: inputs, from: storage.code, to: VV_DNN_FLOAT32)
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

    /// - Parameter storage: oneDNN multiplies by copies of the weights in its layouts, and rounds what it multiplies
    ///   to this; nil for OpenBLAS and the weights as they are.
    /// - Throws: `VitvideoError.mathLibraryMissing`, `VitvideoError.mathLibraryFailed`.
    init(_ linear: Linear, packedIn storage: Storage?) throws {
        self.linear = linear
        product = try MatrixProduct()
        let (outputs, inputs) = (linear.outputs, linear.inputs)
        packed = try storage.map { storage in
            let forward = try linear.weight.withUnsafeBytes {
                try Packed($0.baseAddress, outputs: outputs, inputs: inputs, storage)
            }
            // dx = dy·W is the layer of the weight Wᵀ.
            let transposed = FloatBuffer(linear.weight.count)
            vv_transpose(transposed.start, linear.weight, outputs, inputs, inputs)
            return (forward, try Packed(transposed.start, outputs: inputs, inputs: outputs, storage))
        }
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
